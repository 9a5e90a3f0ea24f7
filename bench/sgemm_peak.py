"""fp32 matrix-product rate of this process in GFLOP/s: the limit that steps are held to.

Times the products of the benchmark's model, after a warm-up, and prints the best of several rounds.
"""
import sys
import time

import torch

torch.set_num_threads(int(sys.argv[1]))
products = [(torch.randn(m, k), torch.randn(k, n), torch.empty(m, n))
            for m, k, n in [(2048, 512, 1408), (2048, 512, 512), (512, 512, 32000)]]
flops = sum(2 * a.numel() * b.shape[1] for a, b, _ in products)
best = float("inf")
for round_ in range(12):
    begin = time.perf_counter()
    for a, b, out in products:
        torch.mm(a, b, out=out)
    if round_ > 1:
        best = min(best, time.perf_counter() - begin)
print(flops / best / 1e9)

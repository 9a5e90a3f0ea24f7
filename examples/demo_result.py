#!/usr/bin/env python3
"""Prints the table of examples/demo.sh from the files that it left in a folder, and ends with 1 where
the result is not what it should be."""

import argparse
import collections
import json
import math
import pathlib
import sys


class Checks:
    """What was expected and what was found, in order."""

    def __init__(self):
        self.count = 0
        self.failed = []

    def __call__(self, holds, sentence):
        self.count += 1
        if not holds:
            self.failed.append(sentence)


def read_json(path):
    return json.loads(path.read_text())


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def events_of(path):
    """metrics.jsonl; the killed run may have left half a line."""
    events = []
    for line in path.read_text().splitlines():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            pass
    return events


def unigram_entropy(lines):
    """In nats a token: the loss of a model that knows how often each token occurs, and nothing else."""
    counts = collections.Counter(token for line in lines for token in line["ids"])
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values())


def exact_share(evaluation):
    return evaluation["answers"]["exact_match"]


def general_loss(evaluation):
    return next(of["loss"] for of in evaluation["sets"] if of["name"] == "general")


def check_answers(evaluation, options, check):
    tuned, base = exact_share(evaluation), exact_share(evaluation["base"])
    asked = evaluation["answers"]["questions"]
    check(asked == options.questions, f"{options.questions} questions are asked, not {asked}")
    check(tuned >= options.least_answered / 100,
          f"the tuned model answers at least {options.least_answered:g}% exactly, not {tuned:.1%}")
    check(base <= 0.02, f"the base answers at most 2% exactly, not {base:.1%}")


def check_general(evaluation, unigram, options, check):
    tuned, base = general_loss(evaluation), general_loss(evaluation["base"])
    check(base < 0.5 * unigram, f"the base's general loss is below half of {unigram:.3f}, the "
                                f"entropy of single tokens; it is {base:.4f}")
    check(tuned < (1 + options.most_forgotten / 100) * base,
          f"the general loss rises by less than {options.most_forgotten:g}%, not {tuned / base - 1:+.1%}")


def check_kill(events, killed, check):
    """The first start was killed, and the second went on from a checkpoint of the first."""
    starts = [event for event in events if event["event"] in ("start", "resume")]
    names = [event["event"] for event in starts]
    check(names == ["start", "resume"], f"the run was started once and resumed once, not {names}")
    check(killed["processes"] >= 4, "front door, mpirun and two ranks were killed, not "
                                    f"{killed['processes']} processes")
    check(killed["segments"] >= 1, "the killed ranks shared memory under a name, which had to be removed")
    if names != ["start", "resume"]:
        return
    went_on_from, last = starts[1]["step"], starts[1]["max_steps"]
    check(0 < went_on_from <= killed["after_step"] < last,
          f"it went on from a checkpoint before the kill: from step {went_on_from} of {last}, "
          f"killed after {killed['after_step']}")
    check(starts[0]["attempt"] != starts[1]["attempt"], "the two starts are two attempts")
    steps = {event["step"] for event in events if event["event"] == "step"}
    check(steps == set(range(1, last + 1)), f"every step from 1 to {last} was taken")


def check_export(folder, kind, run, check):
    """The proof in an export's report, by its own bound. Returns the step that was exported."""
    report = read_json(folder / "export_report.json")
    name, proof, step = folder.name, report["proof"], report["source"]["step"]
    record = read_json(run / f"step-{step}" / "commit.json")
    check(report["kind"] == kind, f"{name} is of kind {kind}, not {report['kind']}")
    check(report["source"]["state_hash"] == record["state_hash"], f"{name} holds the state of step {step}")
    bound = max(1e-4, 1e-5 * proof["max_abs_logit"])
    check(proof["probe_tokens"] > 0 and proof["max_abs_logit"] > 0, f"{name} was probed")
    for figure in ("merge_logit_difference", "unexplained_logit_difference",
                   "unexplained_loss_difference"):
        check(proof[figure] <= bound, f"{name}: {figure} is at most {bound:g}, not {proof[figure]}")
    check(proof["passed"], f"{name} passed its proof")
    return step


def check_exports(out, evaluation, report, check):
    """Each export is proved, and that of the tuned model is the checkpoint that was evaluated."""
    check_export(out / "base", "full", out / "run-base", check)
    step = evaluation["step"]
    recommended = pathlib.Path(report["verdict"]["checkpoint"] or "none").name
    check(recommended == f"step-{step}",
          f"the report recommends step-{step}, which was evaluated, not {recommended}")
    for name in ("adapter", "merged"):
        exported = check_export(out / name, name, out / "run-lora", check)
        check(exported == step, f"{name} is step {step}, which was evaluated, not step {exported}")


def check_templates(out, check):
    """The questions were packed with one chat template, and every record names it."""
    checkpoints = sorted(out.glob("run-*/step-*/commit.json"))
    exports = [out / name / "export_report.json" for name in ("base", "adapter", "merged")]
    datasets = [out / f"{name}.json" for name in ("trade", "specialist", "specialist-unseen")]
    recorded = [read_json(place)["chat_template"] or {} for place in checkpoints]
    runs = {place.parent.parent.name for place in checkpoints}
    check(runs == {"run-base", "run-lora"}, f"both runs have checkpoints, not {sorted(runs)}")
    check(all(kept == recorded[0] and kept.get("source") for kept in recorded),
          "every checkpoint records the text of the chat template, the same one")
    names = {str(place.relative_to(out)): kept.get("name") for place, kept in zip(checkpoints, recorded)}
    for place in exports + datasets:
        names[str(place.relative_to(out))] = read_json(place).get("chat_template")
    check(set(names.values()) == {"plain"}, f"every record names the chat template 'plain': {names}")


def check_asked(asked, answers, check):
    check(len(asked) == 3 and asked[0] != "", f"three answers were given, not {asked}")
    check(len(set(asked)) == 1, f"run, merged export and adapter answer the same, not {asked}")
    check(asked[0] == answers[0]["answer"],
          f"asked alone and in the evaluation the answer is the same: {asked[0]!r} and "
          f"{answers[0]['answer']!r}")


def tokens_per_second(events):
    steps = [event for event in events if event["event"] == "step"]
    return sum(event["tokens"] for event in steps) / sum(event["seconds"] for event in steps)


def seconds_of(events):
    return sum(event["seconds"] for event in events if event["event"] == "step")


def replay_share(out):
    """Of the rows of an epoch: replay.h5 has the weight 0.5."""
    rows = {name: read_json(out / f"{name}.json")["rows"] for name in ("replay", "specialist")}
    return rows["replay"] / 2 / (rows["specialist"] + rows["replay"] / 2)


def print_table(out, evaluation, unigram, events, options):
    def row(label, base, tuned, remark=""):
        print(f"{label:<48} {base:>12} {tuned:>12}{'  ' + remark if remark else ''}")

    base, tuned = general_loss(evaluation["base"]), general_loss(evaluation)
    corpus = read_json(out / "corpus.json")
    row("", "base", "tuned")
    row("unseen questions answered exactly", f"{exact_share(evaluation['base']):.1%}",
        f"{exact_share(evaluation):.1%}", f"(of {evaluation['answers']['questions']})")
    row("loss on unseen general text", f"{base:.4f}", f"{tuned:.4f}", f"({tuned / base - 1:+.1%})")
    row("nearest-neighbour baseline", f"{corpus['nearest_neighbour_share']:.1%}", "")
    row("unigram entropy of the general text", f"{unigram:.3f}", "",
        f"(the base is at {base / unigram:.0%} of it)")
    row("replay: general rows in the fine-tune", f"{replay_share(out):.1%}", "")
    row("LoRA tokens/s on 2 ranks", f"{tokens_per_second(events):.0f}", "")
    pretraining = events_of(out / "run-base" / "metrics.jsonl")
    row("seconds of steps: pretraining / LoRA", f"{seconds_of(pretraining):.0f} / {seconds_of(events):.0f}", "")
    row("seconds in all", str(options.seconds), "")


def print_answers(answers):
    print("\nTwo answers in phrasings that were never trained on:")
    by_model = collections.defaultdict(list)
    for answer in answers:
        by_model[answer["model"]].append(answer)
    for tuned, base in list(zip(by_model["tuned"], by_model["base"]))[:2]:
        print(f"  {tuned['messages'][0]['content']}\n    base: {base['answer']}\n"
              f"    tuned: {tuned['answer']}   (expected: {tuned['expected']})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--questions", type=int, required=True, help="how many were to be asked")
    parser.add_argument("--least-answered", type=float, required=True, help="percent, by the tuned model")
    parser.add_argument("--most-forgotten", type=float, required=True,
                        help="percent by which the general loss may rise")
    parser.add_argument("--seconds", type=int, required=True, help="that the demo took")
    options = parser.parse_args()
    out = options.out

    evaluation = read_json(out / "eval.json")
    answers = read_lines(out / "answers.jsonl")
    events = events_of(out / "run-lora" / "metrics.jsonl")
    report = read_json(out / "report.json")
    unigram = unigram_entropy(read_lines(out / "general-tokens.jsonl"))
    print_table(out, evaluation, unigram, events, options)
    print_answers(answers)
    print(f"\nThe run's report says: {report['verdict']['headline']}")

    check = Checks()
    check_answers(evaluation, options, check)
    check_general(evaluation, unigram, options, check)
    check_kill(events, read_json(out / "killed.json"), check)
    check_exports(out, evaluation, report, check)
    check_templates(out, check)
    check_asked((out / "asked.txt").read_text().splitlines(), answers, check)
    if check.failed:
        print(f"\ndemo: {len(check.failed)} of {check.count} checks of the result failed:", file=sys.stderr)
        for sentence in check.failed:
            print(f"  expected that {sentence}", file=sys.stderr)
        sys.exit(1)
    print(f"\nAll {check.count} checks of the result passed.")
    print(f"""Where it lies: {out}
  corpora private/ trade/   datasets *.h5   base base/   run run-lora/ (report.html, metrics.jsonl, step-*/)
  adapter/ for peft and vLLM, merged/ for transformers; each with its export_report.json""")


if __name__ == "__main__":
    main()

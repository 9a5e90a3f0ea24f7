// Gives the target that owns the shared precompiled header something to compile.
namespace temper {
extern const int kTorchPchAnchor;
const int kTorchPchAnchor = 0;
}  // namespace temper

// Gives each target that owns a precompiled header something to compile.
namespace temper {
extern const int kPchAnchor;
const int kPchAnchor = 0;
}  // namespace temper

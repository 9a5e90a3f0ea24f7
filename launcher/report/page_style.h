// The style of a run's page: light and dark by the reader's system, one column on a telephone,
// black on white in print. No fonts or images from elsewhere.
#pragma once

namespace temper {

inline constexpr const char* kPageStyle = R"css(
:root { color-scheme: light dark; --bg: #fbfbfa; --card: #ffffff; --ink: #1c1f23; --dim: #5d6570;
  --line: #dfe2e6; --grid: #eceef1; --good: #0f7b4b; --open: #5d6570; --warning: #a15c00;
  --bad: #b3261e; --c0: #2457c5; --c1: #c2570c; --c2: #0f7b4b; --c3: #b3261e; --c4: #7137b8;
  --c5: #50606f; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171a; --card: #1c2024; --ink: #e6e9ec;
  --dim: #a0a9b4; --line: #363d45; --grid: #2a3037; --good: #4cc38a; --open: #a0a9b4;
  --warning: #f0a23b; --bad: #ff8a80; --c0: #7ea6ff; --c1: #ffa657; --c2: #4cc38a; --c3: #ff8a80;
  --c4: #c8a2ff; --c5: #9fb0c0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 20px 18px 60px; background: var(--bg);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 24px; line-height: 1.25; margin: 4px 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 34px 0 10px; border-bottom: 1px solid var(--line);
  padding-bottom: 4px; }
p { margin: 6px 0; }
.dim, .small { color: var(--dim); } .small { font-size: 13px; }
.verdict { background: var(--card); border: 1px solid var(--line); border-left: 6px solid var(--open);
  border-radius: 6px; padding: 14px 18px; margin: 14px 0; }
.verdict.good { border-left-color: var(--good); } .verdict.warning { border-left-color: var(--warning); }
.verdict.bad { border-left-color: var(--bad); }
.verdict h1 { margin-top: 0; }
.verdict ul { margin: 8px 0 0; padding-left: 0; list-style: none; }
.verdict li { padding-left: 22px; position: relative; margin: 3px 0; overflow-wrap: anywhere; }
.verdict li::before { content: "\25CF"; position: absolute; left: 2px; color: var(--open); }
.verdict li.good::before { color: var(--good); } .verdict li.bad::before { color: var(--bad); }
.verdict li.warning::before { color: var(--warning); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 10px;
  margin: 14px 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px 12px; }
.facts b { display: block; font-size: 18px; font-variant-numeric: tabular-nums; }
.facts span { color: var(--dim); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(430px, 100%), 1fr));
  gap: 14px; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 10px 10px 4px; break-inside: avoid; min-width: 0; }
.charts > figure:only-child { grid-column: 1 / -1; max-width: 720px; }
figcaption { font-weight: 600; padding: 0 4px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--dim); font-size: 12px; }
svg text.label { fill: var(--ink); font-size: 12px; }
svg text.note { fill: var(--ink); font-size: 11px; paint-order: stroke; stroke: var(--card);
  stroke-width: 3px; }
@media (max-width: 480px) { svg text, svg text.label { font-size: 15px; }
  svg text.note { font-size: 14px; } body { padding: 12px 10px 40px; } }
.grid { stroke: var(--grid); } .axis { stroke: var(--dim); }
.mark { stroke: var(--dim); stroke-dasharray: 2 3; }
.limit { stroke: var(--bad); stroke-dasharray: 6 4; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; } .faint { opacity: .55; }
.whisker { stroke: var(--ink); stroke-width: 1.4; }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
.line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); } .line.c5 { stroke: var(--c5); }
.dot.c0, .bar.c0 { fill: var(--c0); } .dot.c1, .bar.c1 { fill: var(--c1); }
.dot.c2, .bar.c2 { fill: var(--c2); } .dot.c3, .bar.c3 { fill: var(--c3); }
.dot.c4, .bar.c4 { fill: var(--c4); } .dot.c5, .bar.c5 { fill: var(--c5); }
.legend { margin: 2px 4px; font-size: 13px; color: var(--dim); }
.legend span { display: inline-block; margin-right: 12px; overflow-wrap: anywhere; }
.legend i { display: inline-block; width: 14px; height: 4px; border-radius: 2px; margin-right: 5px;
  vertical-align: middle; }
i.c0 { background: var(--c0); } i.c1 { background: var(--c1); } i.c2 { background: var(--c2); }
i.c3 { background: var(--c3); } i.c4 { background: var(--c4); } i.c5 { background: var(--c5); }
.scroll { overflow-x: auto; margin-bottom: 14px; }
table { border-collapse: collapse; background: var(--card); border: 1px solid var(--line);
  font-variant-numeric: tabular-nums; font-size: 14px; width: 100%; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td { white-space: nowrap; } td.text { white-space: normal; }
th { color: var(--dim); font-weight: 600; background: var(--bg); }
td.text, th.text { text-align: left; overflow-wrap: break-word; min-width: 5em; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 10px;
  font-size: 12.5px; white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--dim); }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(240px, 100%), 1fr));
  gap: 10px; margin-bottom: 14px; }
.answers > div { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px 10px; white-space: pre-wrap; overflow-wrap: anywhere; }
.answers b { display: block; color: var(--dim); font-size: 12px; }
@media print { :root { color-scheme: light; --bg: #fff; --card: #fff; --ink: #000; --dim: #444;
  --line: #bbb; --grid: #e4e4e4; --good: #0f7b4b; --open: #444; --warning: #a15c00; --bad: #b3261e;
  --c0: #2457c5; --c1: #c2570c; --c2: #0f7b4b; --c3: #b3261e; --c4: #7137b8; --c5: #50606f; }
  body { font-size: 11pt; max-width: none; padding: 0; } h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .charts { grid-template-columns: 1fr 1fr; } .charts > figure:only-child { max-width: 60%; }
  .scroll { overflow: visible; } table { font-size: 8pt; } th, td { padding: 2px 5px; }
  td, th { white-space: normal; } td.text, th.text { min-width: 0; } .answers { font-size: 8pt; }
  .answers { grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); } tr { break-inside: avoid; } }
)css";

}  // namespace temper

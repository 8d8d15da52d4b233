#include <string>

#include "reports/page.hpp"

namespace touchstone::reports {
namespace {

// Colours: blue for gains and orange for losses, told apart by every common kind of colour blindness, and never alone:
// a sign stands in each cell, and hatching means "not shown". Text on each keeps a contrast of 4.5 or more.
constexpr std::string_view colours = R"css(
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--text:#1b2128;--soft:#57606a;--line:#d5dae1;--faint:#eceff3;
--link:#0a58a6;--g1:#e4effa;--g2:#c5def5;--g3:#99c5ec;--g4:#6aabe2;--l1:#fdf0e0;--l2:#fbdcb6;--l3:#f7c07d;--l4:#f0a04b;
--hatch:rgba(27,33,40,.10);--gain:#0a63b0;--loss:#a94f00;--none:#57606a;--band:#d6dde6;
--s0:#0a63b0;--s1:#b85c00;--s2:#00795a;--s3:#a3458a;--s4:#4b5fd0;--s5:#7a6a00;--focus:#0a58a6;--code:#f2f4f7}
@media (prefers-color-scheme:dark){:root{--page:#0e1217;--card:#161b22;--text:#e6ebf1;--soft:#9aa5b1;--line:#323a44;
--faint:#20272f;--link:#79b8f5;--g1:#15273a;--g2:#163858;--g3:#1a4a79;--g4:#205c98;--l1:#33240f;--l2:#4d3111;--l3:#694211;
--l4:#855310;--hatch:rgba(230,235,241,.10);--gain:#7ab9f7;--loss:#f3a44f;--none:#9aa5b1;--band:#333e4b;
--s0:#7ab9f7;--s1:#f3a44f;--s2:#4fc9a4;--s3:#e394cc;--s4:#a3b0ff;--s5:#d6c34a;--focus:#79b8f5;--code:#1c232b}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--text:#000;--soft:#444;--line:#bbb;--faint:#eee;--link:#000;
--g1:#e4effa;--g2:#c5def5;--g3:#99c5ec;--g4:#6aabe2;--l1:#fdf0e0;--l2:#fbdcb6;--l3:#f7c07d;--l4:#f0a04b;
--hatch:rgba(0,0,0,.12);--gain:#0a63b0;--loss:#a94f00;--none:#444;--band:#e9edf2;
--s0:#0a63b0;--s1:#b85c00;--s2:#00795a;--s3:#a3458a;--s4:#4b5fd0;--s5:#7a6a00;--code:#f6f6f6}}
)css";

constexpr std::string_view layout = R"css(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
a{color:var(--link)}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:9}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.wrap{max-width:1320px;margin:0 auto;padding:0 1rem}
header.top{padding:1.6rem 0 .6rem}
header.top h1{font-size:1.6rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}
header.top p{margin:0;color:var(--soft);max-width:80ch}
nav ul{list-style:none;margin:0;padding:0}
nav a{display:block;padding:.28rem .7rem;text-decoration:none;color:var(--soft);border-radius:6px;font-size:.88rem}
nav a:hover{color:var(--text);background:var(--faint)}
main>section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.1rem 1.3rem 1.2rem;margin:0 0 1.1rem}
h2{font-size:1.22rem;margin:0 0 .6rem;line-height:1.25}
h3{font-size:1rem;margin:1.3rem 0 .4rem}
h4{font-size:.9rem;margin:.9rem 0 .3rem}
p{margin:.4rem 0 .7rem;max-width:85ch}
.note{color:var(--soft);font-size:.86rem}
footer{color:var(--soft);font-size:.82rem;padding:.4rem 0 2.5rem}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
code{background:var(--code);border-radius:4px;padding:.05em .3em;overflow-wrap:anywhere}
pre{background:var(--code);border:1px solid var(--line);border-radius:6px;padding:.55rem .7rem;margin:.3rem 0 .7rem;white-space:pre-wrap;overflow-wrap:anywhere;max-height:22rem;overflow:auto}
@media (min-width:1080px){.cols{display:grid;grid-template-columns:172px minmax(0,1fr);gap:1.6rem}
nav{position:sticky;top:1rem;align-self:start;max-height:calc(100vh - 2rem);overflow:auto}}
@media (max-width:1079px){nav ul{display:flex;flex-wrap:wrap;gap:.1rem;margin:.2rem 0 .9rem -.7rem}}
@media (max-width:520px){.wrap{padding:0 .6rem}main>section{padding:.8rem .75rem;border-radius:8px}body{font-size:14px}header.top{padding-top:1rem}header.top h1{font-size:1.3rem}}
)css";

constexpr std::string_view tables = R"css(
.scroll{overflow-x:auto;margin:.3rem 0 .9rem;max-width:100%}
table{border-collapse:separate;border-spacing:0;font-size:.88rem;min-width:min(100%,22rem)}
caption{position:sticky;left:0;text-align:left;max-width:calc(100vw - 4rem);color:var(--soft);font-size:.84rem;padding:0 0 .35rem;caption-side:top}
th,td{padding:.3rem .5rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{border-bottom:1px solid var(--soft);vertical-align:bottom;font-weight:600;line-height:1.25}
tbody th{font-weight:600}
td.n,th.n{text-align:right}td.n,.nb{white-space:nowrap}
tbody th{white-space:nowrap}
tr.group th{padding-top:.9rem;color:var(--soft);font-weight:600;border-bottom:1px solid var(--line)}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit;position:relative}
th button:hover{text-decoration:underline}th button::after{position:absolute;right:-.75em;bottom:0;color:var(--soft)}
th[aria-sort=ascending] button::after{content:"↑"}th[aria-sort=descending] button::after{content:"↓"}
.tools{display:flex;justify-content:flex-end;margin:-.7rem 0 .5rem}
.tools button,.bar button{font:inherit;font-size:.78rem;color:var(--soft);background:var(--faint);border:1px solid var(--line);border-radius:5px;padding:.1rem .5rem;cursor:pointer}
.bar{display:flex;gap:.5rem;flex-wrap:wrap;align-items:center;margin:.3rem 0 .7rem;font-size:.86rem}
.bar input{font:inherit;color:var(--text);background:var(--card);border:1px solid var(--soft);border-radius:5px;padding:.15rem .5rem;min-width:12rem}
.matrix{border-spacing:3px}
.matrix td,.matrix th{border-bottom:0;padding-left:.4rem;padding-right:.4rem}
.matrix thead th{white-space:normal;min-width:5rem}
.matrix td{text-align:right;white-space:nowrap;border-radius:6px;line-height:1.3}
.matrix td b{font-size:1.02rem}.matrix td small{display:block;font-size:.76rem}
.matrix tbody th{white-space:nowrap}.matrix tbody th small{display:block;font-weight:400;color:var(--soft)}
.matrix tr.base td{background:var(--faint)}
.g1{background-color:var(--g1)}.g2{background-color:var(--g2)}.g3{background-color:var(--g3)}.g4{background-color:var(--g4)}
.l1{background-color:var(--l1)}.l2{background-color:var(--l2)}.l3{background-color:var(--l3)}.l4{background-color:var(--l4)}
.z{background-color:var(--faint)}
.ns{background-image:repeating-linear-gradient(135deg,transparent 0 5px,var(--hatch) 5px 7px)}
.target{box-shadow:inset 0 0 0 2px var(--text)}
.legend{display:flex;flex-wrap:wrap;gap:.35rem .9rem;font-size:.8rem;color:var(--soft);margin:.2rem 0 .8rem;padding:0;list-style:none}
.legend li{display:flex;align-items:center;gap:.35rem}
.swatch{display:inline-block;width:1.5rem;height:1rem;border-radius:4px}
.steps{display:inline-flex}.steps .swatch{border-radius:0;width:1.1rem}
)css";

constexpr std::string_view parts = R"css(
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.2rem,1fr));gap:.6rem;margin:.3rem 0 1rem;padding:0;list-style:none}
.tiles li{background:var(--faint);border-radius:8px;padding:.5rem .75rem;font-size:.8rem;color:var(--soft)}
.tiles b{display:block;font-size:1.35rem;line-height:1.25;color:var(--text)}
.verdicts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:.7rem;margin:.2rem 0 .8rem}
.verdict{border:1px solid var(--line);border-left:5px solid var(--none);border-radius:8px;padding:.6rem .85rem .5rem}
.verdict h3{margin:0 0 .25rem;display:flex;flex-wrap:wrap;gap:.2rem .5rem;align-items:center}
.verdict p{margin:.15rem 0;font-size:.87rem}
.verdict.better{border-left-color:var(--gain)}.verdict.worse{border-left-color:var(--loss);border-left-style:double;border-left-width:7px}
.verdict.inconclusive{border-left-style:dashed}
.tag{font-size:.74rem;font-weight:600;border:1px solid currentColor;border-radius:99px;padding:0 .55rem;white-space:nowrap}
.tag.better,.gain{color:var(--gain)}.tag.worse,.loss{color:var(--loss)}.tag.inconclusive{color:var(--none)}
.alert{border:1px solid var(--loss);border-left-width:5px;border-radius:8px;padding:.55rem .85rem;margin:.3rem 0 .9rem}
.alert p{margin:.1rem 0}
figure{margin:0;min-width:0}
figure .ft{margin:0 0 .1rem;font-size:.86rem;font-weight:600}
figcaption{font-size:.82rem;color:var(--soft);margin-top:.15rem;max-width:60ch}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));gap:1rem 1.2rem;margin:.4rem 0 .9rem}
.charts.small{grid-template-columns:repeat(auto-fill,minmax(min(100%,14.5rem),1fr))}
.charts.large{grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr))}
details{border:1px solid var(--line);border-radius:7px;margin:.35rem 0;padding:0 .7rem}
details[open]{padding-bottom:.5rem}
summary{cursor:pointer;padding:.35rem 0;font-size:.9rem}
summary .mono{overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.3rem .9rem}
@media (max-width:640px){.pair{grid-template-columns:1fr}}
.pair h5,.block h5{margin:.5rem 0 .1rem;font-size:.8rem;color:var(--soft);font-weight:600}
.hidden{display:none}
dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem;font-size:.88rem;margin:.3rem 0 .9rem}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
@media (max-width:520px){dl.facts{grid-template-columns:1fr}dl.facts dd{margin:0 0 .4rem}}
)css";

constexpr std::string_view drawings = R"css(
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
svg text.t{fill:var(--text)}svg text.b{fill:var(--text);font-weight:600}
svg text.e{text-anchor:end}svg text.m{text-anchor:middle}
.ax{stroke:var(--soft);stroke-width:1;fill:none}.gr{stroke:var(--line);stroke-width:1;fill:none}
.zero{stroke:var(--text);stroke-width:1;fill:none}.band{fill:var(--band);stroke:none}.diag{stroke:var(--soft);stroke-dasharray:3 3;fill:none}
.ln{fill:none;stroke-width:1.8;stroke-linejoin:round}.thin{stroke-width:1.1;opacity:.8}
.ci{stroke-width:2;fill:none}
.c0{stroke:var(--s0)}.c1{stroke:var(--s1)}.c2{stroke:var(--s2)}.c3{stroke:var(--s3)}.c4{stroke:var(--s4)}.c5{stroke:var(--s5)}
.f0{fill:var(--s0)}.f1{fill:var(--s1)}.f2{fill:var(--s2)}.f3{fill:var(--s3)}.f4{fill:var(--s4)}.f5{fill:var(--s5)}
.d1{stroke-dasharray:6 3}.d2{stroke-dasharray:2 2.5}.d3{stroke-dasharray:8 3 2 3}.d4{stroke-dasharray:11 4}.d5{stroke-dasharray:4 2 1 2}
.open{fill:var(--card)}.sg{stroke:var(--gain);fill:var(--gain)}.sl{stroke:var(--loss);fill:var(--loss)}.sn{stroke:var(--none);fill:var(--card)}
.key{width:30px;height:12px}
.bar0{fill:var(--s0);opacity:.35}.bar1{fill:var(--s1);opacity:.35}
)css";

constexpr std::string_view paper = R"css(
@media print{nav,.skip,.tools,.bar,footer .screen{display:none}body{font-size:10pt;background:#fff}.wrap{max-width:none;padding:0}
main>section{border:0;padding:0;margin:0 0 1.2rem}figure,tr,.verdict,.tiles{break-inside:avoid}h2,h3,h4,summary{break-after:avoid}
details{border:0;padding:0}details::details-content{content-visibility:visible;display:block}pre{max-height:none;overflow:visible}
.scroll{overflow:visible}table{font-size:8.5pt}th,td{padding:.15rem .35rem}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
a{text-decoration:none}th button::after{content:none}}
@page{margin:14mm}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
)css";

}  // namespace

std::string_view style_sheet() {
  static const std::string whole = std::string(colours) + std::string(layout) + std::string(tables) +
                                   std::string(parts) + std::string(drawings) + std::string(paper);
  return whole;
}

}  // namespace touchstone::reports

"""The style sheet of the report: light and dark, from 360 pixels wide."""

STYLE = """
:root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--text:#1d2127;--dim:#5d6672;--rule:#e2e0da;
--best:#e7f0fe;--w:#1f5fd0;--n:#c2570c;--c:#7a828d;--p:#0f8a6b;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1c1f25;--text:#e8e9ec;--dim:#9aa3af;
--rule:#31363f;--best:#1d2f4d;--w:#79aaff;--n:#f5a055;--c:#8d96a3;--p:#4fd0ab;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0 .3rem;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.6rem 0 .4rem}
h3{font-size:1rem;margin:1.2rem 0 .3rem}
p{max-width:44rem;margin:.4rem 0}
.dim,figcaption{color:var(--dim);font-size:.9rem;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.7rem;
margin:1.2rem 0}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:.7rem .8rem}
.tile b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--dim);font-size:.82rem;line-height:1.3;display:block}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:.6rem;background:var(--card);
margin:.8rem 0}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{padding:.38rem .7rem;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--dim);font-weight:500;border-bottom:1px solid var(--rule)}
tr.group th{text-align:left;padding-top:.8rem;font-weight:650}
tr.mean td{border-top:1px solid var(--rule)}
td.best{background:var(--best);font-weight:650}
td.best::after{content:" \\2605";color:var(--w);font-size:.75em}
thead th+th::after,td:not(.best)[data-n]::after{content:" \\2605";visibility:hidden;font-size:.75em}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1.2rem}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:.6rem;
padding:.8rem}
figcaption{margin-top:.4rem}
figure h3{margin:0 0 .4rem}
svg.chart{display:block;width:100%;height:auto;max-width:34rem}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.label{fill:var(--dim);font-size:10.5px}.name{fill:var(--text);font-size:12px;font-weight:600}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.w{stroke:var(--w)}.n{stroke:var(--n);stroke-dasharray:7 3}.c{stroke:var(--c);stroke-dasharray:2 3}
.p{stroke:var(--p);stroke-dasharray:10 3 2 3}
.line.w{stroke-width:2.6}
.dot,.bar{stroke:none}.dot.w,.bar.w{fill:var(--w)}.bar.n{fill:var(--n)}.bar.c{fill:var(--c)}
.bar.p{fill:var(--p)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;margin:.5rem 0 0;
font-size:.85rem;color:var(--dim)}
.legend rect{height:8px;rx:2px}
.legend svg{width:22px;height:8px;margin-right:.4rem;vertical-align:middle}
.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1rem;
padding:0;list-style:none}
.pairs img{width:100%;height:auto;display:block;border-radius:.35rem}
.pairs b{color:var(--bad)}
details{margin:.8rem 0}summary{cursor:pointer}
pre{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:.6rem;
padding:.8rem;font-size:.8rem}
@media(max-width:30rem){th::after,td::after{content:none!important}
thead th{white-space:normal}th,td{padding:.3rem .3rem}table{font-size:.8rem}
td:first-child{white-space:normal;min-width:5.5rem}figure{padding:.6rem}}
"""

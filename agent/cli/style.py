"""How the report's page looks, in light and in dark."""

STYLE = """
:root{--paper:#f6f5f2;--card:#fff;--ink:#1f2328;--soft:#667078;--rule:#e4e2dc;--head:#2563c9;
--held:#0e8f7e;--last:#9aa1a8;--wrong:#c2502e;--note:#fff6dd;--note-ink:#5b4708}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--card:#1e2125;--ink:#e8e6e1;--soft:#98a1a9;
--rule:#31363b;--head:#6ea8ff;--held:#3fc7b2;--last:#6d757d;--wrong:#f08a63;--note:#2f2a18;
--note-ink:#f0dfa6}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1040px;margin:0 auto;padding:28px 16px 48px}
h1{font-size:1.75rem;line-height:1.2;margin:0;letter-spacing:-.02em;font-weight:650}
h2{font-size:1rem;margin:0 0 12px;font-weight:600}
header p,footer p,.words,.legend,.empty{color:var(--soft);font-size:.85rem;margin:.5em 0 0}
footer{margin-top:28px}
section{background:var(--card);border:1px solid var(--rule);border-radius:14px;padding:18px;
margin-top:16px;min-width:0}
.note{background:var(--note);color:var(--note-ink);border-radius:14px;padding:12px 18px;
margin:18px 0 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(158px,1fr));gap:20px 18px}
.figure b{display:block;font-size:1.6rem;line-height:1.2;font-weight:640;letter-spacing:-.02em;
white-space:nowrap;font-variant-numeric:tabular-nums}
.figure span{display:block;font-size:.85rem}
.figure small{display:block;color:var(--soft);font-size:.78rem;line-height:1.35}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:0 16px}
svg{display:block;width:100%;height:auto;overflow:visible}
svg .grid{stroke:var(--rule);stroke-width:1}
svg .tick{fill:var(--soft);font-size:9.5px;font-variant-numeric:tabular-nums}
svg .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
svg .line.head{stroke:var(--head)} svg .line.held{stroke:var(--held)}
svg .line.last{stroke:var(--last);stroke-dasharray:4 4;stroke-width:1.5}
svg circle.head{fill:var(--head)} svg circle.held{fill:var(--held)}
svg circle.last{fill:var(--last)}
svg .ideal{stroke:var(--last);stroke-dasharray:4 4}
svg .dot{fill:var(--head);fill-opacity:.75;stroke:var(--card)}
svg .alarm{stroke-width:2.5;stroke-linecap:round}
svg .kind0{stroke:var(--wrong)} svg .kind1{stroke:var(--head)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px}
.legend i{display:inline-block;width:16px;height:3px;border-radius:2px;margin-right:6px;
vertical-align:middle;background:var(--last)}
i.head,i.kind1{background:var(--head)!important} i.held{background:var(--held)!important}
i.wrong,i.kind0{background:var(--wrong)!important} .bar i.last{background:var(--last)}
table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{padding:6px 8px;text-align:left;border-top:1px solid var(--rule);vertical-align:middle}
tr:first-child>*{border-top:0} th:first-child{padding-left:0}
thead th{color:var(--soft);font-weight:500;font-size:.78rem}
tbody th{font-weight:400;overflow-wrap:anywhere} tbody em{color:var(--soft);font-style:normal}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{display:block;min-width:56px;height:8px;border-radius:4px;background:var(--rule);overflow:hidden}
.bar i{display:block;height:100%;border-radius:4px}
.wide{overflow-x:auto}
@media print{body{background:#fff}section{break-inside:avoid}}
"""

"""The console's look: one style sheet.

Blue for good and orange or dark red for bad, always with a word: no meaning needs red and green.
"""

CSS = """
:root {
  --ink: #16202c;
  --soft: #5b6b7d;
  --line: #d9e0e8;
  --paper: #f5f7fa;
  --panel: #ffffff;
  --good: #0b62a8;
  --warn: #9a6200;
  --bad: #b3261e;
}
body {
  background: var(--paper);
  color: var(--ink);
  font-family: Inter,"Segoe UI",system-ui,sans-serif;
}
.nicegui-content {
  padding: 0;
  gap: 0;
}
.tg-head {
  background: #101a26;
  color: #e8eef5;
  width: 100%;
  padding: 10px 20px;
  gap: 18px;
  align-items: center;
}
.tg-name {
  font-weight: 700;
  letter-spacing: .02em;
  font-size: 17px;
  margin: 0;
  line-height: 1.2;
}
.tg-banner {
  background: #2b3c50;
  color: #cfe0f2;
  border-radius: 4px;
  padding: 2px 10px;
  font-size: 12px;
  font-weight: 600;
  letter-spacing: .08em;
}
.tg-word {
  border-radius: 4px;
  padding: 5px 12px;
  font-weight: 700;
  letter-spacing: .05em;
  gap: 6px;
  align-items: center;
  flex-wrap: nowrap;
}
.tg-word.good {
  background: #cfe6fa;
  color: #063a66;
}
.tg-word.warn {
  background: #ffe3b0;
  color: #5a3900;
}
.tg-word.bad {
  background: #ffd5cf;
  color: #7a120b;
}
.tg-fact {
  font-size: 13px;
  color: #b9c7d6;
}
.tg-fact b {
  color: #fff;
  font-weight: 600;
  font-variant-numeric: tabular-nums;
}
.tg-nav {
  background: #fff;
  border-bottom: 1px solid var(--line);
  width: 100%;
  padding: 0 20px;
  gap: 2px;
}
.tg-nav a {
  padding: 11px 16px;
  color: var(--soft);
  text-decoration: none;
  font-weight: 600;
  font-size: 14px;
  border-bottom: 3px solid transparent;
}
.tg-nav a:hover {
  color: var(--ink);
}
.tg-nav a.here {
  color: var(--good);
  border-color: var(--good);
}
.tg-body {
  padding: 18px 20px 40px;
  gap: 18px;
  width: 100%;
  max-width: 1680px;
  margin: 0 auto;
}
.tg-panel {
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 8px;
  padding: 14px 16px;
  width: 100%;
  gap: 8px;
}
.tg-panel h2 {
  font-size: 14px;
  font-weight: 700;
  margin: 0;
  line-height: 1.4;
}
.tg-note {
  color: var(--soft);
  font-size: 13px;
}
.tg-figure {
  min-width: 132px;
  gap: 0;
}
.tg-figure .v {
  font-size: 23px;
  font-weight: 650;
  font-variant-numeric: tabular-nums;
  line-height: 1.25;
}
.tg-figure .k {
  color: var(--soft);
  font-size: 12px;
}
.tg-veil {
  background: #fff3e0;
  border: 1px solid #e7b25c;
  color: #5a3900;
  border-radius: 8px;
  padding: 10px 14px;
  width: 100%;
  font-weight: 600;
}
.ag-root-wrapper {
  --ag-font-size: 13px;
  --ag-cell-horizontal-padding: 9px;
}
.ag-cell {
  line-height: 26px;
}
.num {
  text-align: right;
  font-variant-numeric: tabular-nums;
}
.side-buy {
  color: var(--good);
  font-weight: 600;
}
.side-sell {
  color: #a14b00;
  font-weight: 600;
}
.state-rejected {
  color: var(--bad);
  font-weight: 600;
}
"""

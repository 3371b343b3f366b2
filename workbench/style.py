"""The style sheet of the Streamlit pages: dense but calm, tabular figures, an 8 px grid, no chrome."""

from __future__ import annotations

from workbench.theme import (
    ACCENT,
    DOUBT,
    FAINT,
    GOOD,
    LINE,
    MODEL,
    PAGE,
    PANEL,
    QUIET,
    RAISED,
    TEXT,
    WRONG,
)

_COLOURS = f"""
:root {{ --page: {PAGE}; --panel: {PANEL}; --raised: {RAISED}; --line: {LINE}; --text: {TEXT}; --quiet: {QUIET};
--faint: {FAINT}; --accent: {ACCENT}; --good: {GOOD}; --doubt: {DOUBT}; --wrong: {WRONG}; --model: {MODEL}; }}
"""

_CHROME = """
[data-testid="stToolbar"], [data-testid="stDecoration"], [data-testid="stStatusWidget"], #MainMenu, footer,
[data-testid="stAppDeployButton"], [data-testid="stHeaderActionElements"] { display: none !important; }
[data-testid="stHeader"] { background: transparent; height: 0; min-height: 0; }
[data-testid="stExpandSidebarButton"] { position: fixed; top: 8px; left: 8px; }
[data-testid="stMainBlockContainer"] { padding: 20px 32px 48px; max-width: 1680px; }
[data-testid="stSidebar"] { width: 216px !important; min-width: 216px !important; background: var(--panel); }
[data-testid="stSidebarHeader"] { height: 48px; padding: 12px 16px 0 0; }
[data-testid="stSidebarHeader"]::before { content: "Consilium"; font-size: 16px; font-weight: 650;
  color: var(--text);   letter-spacing: -0.01em; flex: 1; }
[data-testid="stSidebarNavItems"] { padding-top: 0; } [data-testid="stSidebarNavItems"] li { margin: 0; }
[data-testid="stSidebarNavSectionHeader"] { padding-bottom: 0; }
[data-testid="stImage"] img { max-height: calc(100vh - 190px); object-fit: contain; background: #000; }
[data-testid="stSidebarContent"] { overflow-x: hidden; }
[data-testid="stSidebarUserContent"] { padding: 8px 0 24px; }
[data-testid="stSidebarNavLink"] { padding: 4px 10px; border-radius: 4px; }
[data-testid="stSidebarNavSeparator"] { display: none; }
[data-testid="stVerticalBlock"] { gap: 10px; }
[data-testid="stHtml"] + [data-testid="stHtml"] { margin-top: 0; }
iframe[title="st.iframe"] { border: 0; }
button[kind] { font-weight: 500; min-height: 32px; padding: 3px 12px; }
button[kind="primary"] { color: #071019; }
label p, [data-testid="stWidgetLabel"] p { color: var(--quiet); font-size: 12px; }
[data-testid="stExpander"] details { background: var(--panel); border-color: var(--line); }
[data-testid="stExpander"] summary { padding: 6px 12px; }
[data-testid="stExpanderDetails"] :is(h1, h2, h3, h4) { font-size: 15px; padding: 8px 0 2px; }
[data-testid="stExpanderDetails"] h1 { font-size: 17px; }
h1, h2, h3 { letter-spacing: -0.01em; }
"""

_PAGE = """
.c { font-variant-numeric: tabular-nums; color: var(--text); font-size: 14px; line-height: 1.45; }
.c a { color: var(--accent); text-decoration: none; } .c a:hover { text-decoration: underline; }
.c-title { font-size: 20px; font-weight: 600; letter-spacing: -0.01em; margin: 0; }
.c-head { display: flex; align-items: baseline; gap: 16px; flex-wrap: wrap; padding-bottom: 8px;
  border-bottom: 1px solid var(--line); }
.c-head .c-quiet { flex: 1; }
.c-section { font-size: 12px; font-weight: 600; color: var(--quiet); letter-spacing: .02em; margin: 6px 0 0;
  padding-bottom: 4px; border-bottom: 1px solid var(--line); }
.c-quiet { color: var(--quiet); } .c-faint { color: var(--faint); } .c-small { font-size: 12px; }
.c-good { color: var(--good); } .c-doubt { color: var(--doubt); } .c-wrong { color: var(--wrong); }
.c-num { text-align: right; } .c-mono { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12px; }
.c-notice { color: var(--faint); font-size: 12px; padding-top: 16px; margin-top: 16px;
  border-top: 1px solid var(--line); }
.c-chip { display: inline-block; padding: 0 6px; border: 1px solid var(--line); border-radius: 3px;
  font-size: 12px; line-height: 18px; color: var(--quiet); background: var(--raised); white-space: nowrap; }
.c-chip.c-good { color: var(--good); border-color: #27594a; } .c-chip.c-doubt { color: var(--doubt);
  border-color: #66512a; } .c-chip.c-wrong { color: var(--wrong); border-color: #6b3735; }
.c-chip.c-accent { color: var(--accent); border-color: #2b4f7c; }
.c-panel { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 12px 16px; }

.c-box { border-left: 3px solid var(--line); background: var(--panel); padding: 10px 14px;
  border-radius: 0 4px 4px 0; }
.c-box.c-doubt { border-left-color: var(--doubt); color: var(--text); }
.c-box.c-wrong { border-left-color: var(--wrong); color: var(--text); }
.c-box.c-good { border-left-color: var(--good); color: var(--text); }
.c-box b { font-weight: 600; } .c-box dl, .c-facts { display: grid; grid-template-columns: max-content 1fr;
  gap: 2px 14px; margin: 6px 0 0 !important; padding: 0 !important; font-size: 13px; }
.c-box dt, .c-facts dt { color: var(--quiet); }
.c-box dd, .c-facts dd { margin: 0; overflow-wrap: anywhere; }
.c code { background: var(--raised); color: var(--text); border: 1px solid var(--line); border-radius: 3px;
  padding: 0 5px; font-size: 12px; white-space: pre-wrap; }
.c-empty { padding: 40px 24px; text-align: center; background: var(--panel); border: 1px dashed var(--line);
  border-radius: 4px; } .c-empty b { font-size: 15px; font-weight: 600; } .c-empty p { color: var(--quiet);
  margin: 6px auto 12px; max-width: 60ch; }
"""

_TABLE = """
.c-table { width: 100%; border-collapse: collapse; font-size: 13px; }
.c-table th { text-align: left; font-weight: 500; color: var(--quiet); font-size: 12px; padding: 4px 10px 4px 0;
  border-bottom: 1px solid var(--line); white-space: nowrap; border-top: 0; border-left: 0; border-right: 0; }
.c-table td { padding: 5px 10px 5px 0; border: 0; border-bottom: 1px solid #1e252e; vertical-align: middle; }
.c-table th.c-num, .c-table td.c-num { text-align: right; }
.c-table tr[data-open] { cursor: pointer; } .c-table tr[data-open]:hover td { background: var(--panel); }
.c-table td:first-child, .c-table th:first-child { padding-left: 6px; }
.c-table a { color: var(--text); font-weight: 500; }
.c-table a[target] { color: var(--accent); font-weight: 400; } .c-nowrap { white-space: nowrap; }
.c-narrow { max-width: 880px; }
.c-thumb { width: 40px; height: 40px; object-fit: contain; background: #000; display: block; border-radius: 2px; }
.c-bar { display: inline-block; width: 56px; height: 4px; background: #2b333e; border-radius: 2px;
  vertical-align: middle; margin-right: 8px; overflow: hidden; }
.c-bar i { display: block; height: 100%; background: var(--quiet); border-radius: 2px; }
.c-bar.c-wide { width: 100%; margin: 0; } .c-bar.c-model i { background: var(--model); }
.c-answer { display: grid; grid-template-columns: minmax(0, 1fr) 92px 96px; gap: 2px 12px; align-items: center;
  padding: 8px 0; border-bottom: 1px solid #1e252e; }
.c-answer:last-child { border-bottom: 0; }
.c-answer .c-value { font-size: 15px; font-weight: 600; } .c-answer .c-p { font-size: 13px; text-align: right; }
.c-picture { position: relative; background: #000; border-radius: 4px; }
"""

_LOOP = """
.c-steps { display: flex; align-items: stretch; gap: 0; margin: 4px 0; }
.c-step { flex: 1; padding: 6px 12px; background: var(--panel); border: 1px solid var(--line);
  border-right: 0; font-size: 13px; color: var(--faint); min-width: 0; }
.c-step:first-child { border-radius: 4px 0 0 4px; }
.c-step:last-child { border-right: 1px solid var(--line); border-radius: 0 4px 4px 0; }
.c-step b { display: block; font-weight: 600; } .c-step span { font-size: 12px; color: var(--faint); }
.c-step.c-done { color: var(--text); } .c-step.c-done b::before { content: "✓ "; color: var(--good); }
.c-step.c-now { background: #14263c; border-color: #2b4f7c; color: var(--text);
  box-shadow: inset 0 -2px 0 var(--accent); }
.c-step.c-now b::before { content: "▸ "; color: var(--accent); } .c-step.c-now span { color: var(--quiet); }
.c-sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(156px, 1fr)); gap: 8px; }
.c-card { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 8px;
  font-size: 12px;  cursor: pointer; min-width: 0; }
.c-card:hover { border-color: #3a4656; } .c-card img { width: 100%; height: 132px; object-fit: contain;
  background: #000; border-radius: 2px; display: block; margin-bottom: 6px; }
.c-card a { color: var(--text); font-weight: 500; }
.c-card p { font-size: 12px; margin: 3px 0 0; color: var(--quiet);
  line-height: 1.35; overflow-wrap: anywhere; }
.c-queue { display: grid; gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 4px;
  overflow: hidden; }
.c-queue > div { background: var(--page); padding: 8px 12px; display: grid;
  grid-template-columns: 44px minmax(0, 1fr) max-content; gap: 12px; align-items: center; }
.c-strip { display: flex; gap: 8px; overflow-x: auto; padding: 2px 0 6px; }
.c-case { display: flex; gap: 8px; align-items: center; flex: none; padding: 5px 10px 5px 5px; cursor: pointer;
  background: var(--panel); border: 1px solid var(--line); border-radius: 4px; font-size: 12px; }
.c-case:hover { border-color: #3a4656; } .c-case.c-now { border-color: var(--accent); background: #14263c; }
.c-status { display: grid; grid-template-columns: 14px 150px minmax(0, 1fr); gap: 4px 10px; padding: 9px 12px;
  border-bottom: 1px solid var(--line); } .c-status:last-child { border-bottom: 0; }
"""


def style_sheet() -> str:
    """The whole sheet, as one ``<style>`` element."""
    return f"<style>{_COLOURS}{_CHROME}{_PAGE}{_TABLE}{_LOOP}</style>"

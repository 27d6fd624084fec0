/* Single keys. data-key on a control clicks (or focuses) it. In <table data-rows>, J and K move the selected row, digits
   press the buttons in its .tagrow, X ticks it, O opens it, and a data-key inside the selected row wins over one outside.
   Ignored in text fields, with Ctrl, Alt or Cmd, and when the profile says so (<html data-keys="off">, WCAG 2.1.4). */
(() => {
  if (document.documentElement.dataset.keys === "off") return;
  const table = () => document.querySelector("table[data-rows]");
  const rows = () => [...table().tBodies[0].rows].filter((r) => !r.classList.contains("near"));
  const select = (row) => {
    for (const r of rows()) r.removeAttribute("aria-selected");
    row.setAttribute("aria-selected", "true");
    row.scrollIntoView({ block: "nearest" });
  };
  const usable = (el) => (el.offsetParent || el.type === "radio") && !el.disabled;
  addEventListener("click", (e) => {
    const row = e.target.closest("table[data-rows] tbody tr:not(.near)");
    if (row) select(row);
  });
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (e.target.matches("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]")) return;
    const key = e.key.toLowerCase();
    if (table() && (key === "j" || key === "k")) {
      const all = rows(), at = all.findIndex((r) => r.getAttribute("aria-selected") === "true");
      if (all.length) select(all[Math.max(0, Math.min(all.length - 1, at + (key === "j" ? 1 : -1)))]);
      return;
    }
    const current = table()?.querySelector("tr[aria-selected=true]");
    const box = current?.querySelector("td:first-child input[type=checkbox]");
    if (box && key === "x") return box.click();
    const wanted = `[data-key="${CSS.escape(key)}"]`;
    const hit = [...(current?.querySelectorAll(wanted) ?? []), ...document.querySelectorAll(wanted)].find(usable);
    if (!hit && current && key === "o") return current.querySelector("a.rowlink")?.click();
    const nth = current && /^[1-9]$/.test(key) && current.querySelectorAll(".tagrow button")[key - 1];
    if (nth) return nth.click();
    if (!hit) return;
    e.preventDefault();
    hit.matches("textarea, input[type=search]") ? hit.focus() : hit.click();
  });
})();

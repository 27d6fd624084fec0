/* <… data-editor="#textarea" hidden> holds buttons data-md="bold|heading|list|quote" that write Markdown around what is
   selected. They stay hidden where no script runs. setRangeText keeps the browser's own undo. */
(() => {
  const starts = { heading: "# ", list: "- ", quote: "> " };
  const wrap = (area, mark) => {
    const { selectionStart: from, selectionEnd: to, value } = area;
    area.setRangeText(`${mark}${value.slice(from, to) || "words"}${mark}`, from, to, "select");
  };
  const prefix = (area, mark) => {
    const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
    const lines = area.value.slice(from, area.selectionEnd).split("\n").map((line) => mark + line);
    area.setRangeText(lines.join("\n"), from, area.selectionEnd, "end");
  };
  for (const bar of document.querySelectorAll("[data-editor]")) {
    const area = document.querySelector(bar.dataset.editor);
    bar.hidden = false;
    bar.addEventListener("click", (e) => {
      const kind = e.target.closest("[data-md]")?.dataset.md;
      if (!kind) return;
      kind === "bold" ? wrap(area, "**") : prefix(area, starts[kind]);
      area.focus();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
})();

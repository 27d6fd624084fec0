/* A list whose rows can be ticked: [data-selection] is the form. Its first row shows while something is ticked; the box in
   the head ticks the page, and [data-select-all] means everything under the filters. Without a script all of it shows. */
(() => {
  for (const form of document.querySelectorAll("form[data-selection]")) {
    const bar = form.querySelector("[data-selection-bar]");
    const boxes = [...form.querySelectorAll("tbody td:first-child input[type=checkbox]")];
    const page = form.querySelector("thead input[type=checkbox]");
    const every = form.querySelector("input[name=all]");
    const said = form.querySelector("[data-selected]");
    const all = form.querySelector("[data-select-all]");
    const show = () => {
      const n = boxes.filter((box) => box.checked).length;
      if (n < boxes.length) every.value = "";
      bar.hidden = n === 0;
      page.checked = n === boxes.length;
      page.indeterminate = n > 0 && n < boxes.length;
      said.textContent = every.value ? all.dataset.selectAll : `${n.toLocaleString("en")} selected`;
      if (all) all.hidden = Boolean(every.value);
    };
    page.hidden = false;
    page.addEventListener("change", () => {
      for (const box of boxes) box.checked = page.checked;
      show();
    });
    form.addEventListener("change", (e) => boxes.includes(e.target) && show());
    all?.addEventListener("click", () => {
      for (const box of boxes) box.checked = true;
      every.value = "1";
      show();
    });
    if (all) all.type = "button";
    show();
  }
})();

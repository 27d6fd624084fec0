/* More than twelve labels to mark with: a filter (after /), in which Enter takes the first that fits. Those used lately
   come first, from the next text on, so that nothing moves under the hand. */
window.spanLabels = (chips, mark, back) => {
  const filter = document.getElementById("filter"), MOST = 8;
  if (!filter) return { used: () => {}, order: () => {}, key: () => false };
  const palette = chips[0].parentElement, store = filter.dataset.store;
  const fits = () => chips.filter((chip) => !chip.hidden);
  const narrow = () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const chip of chips) chip.hidden = !chip.dataset.label.toLowerCase().includes(wanted);
  };
  const clear = () => {
    filter.value = "";
    narrow();
    back();
  };
  let lately = [];
  try {
    lately = JSON.parse(localStorage.getItem(store) ?? "[]");
  } catch { /* none are known */ }
  filter.addEventListener("input", narrow);
  return {
    used(label) {
      lately = [label, ...lately.filter((one) => one !== label)].slice(0, MOST);
      try {
        localStorage.setItem(store, JSON.stringify(lately));
      } catch { /* then they are known to this page alone */ }
    },
    order() {
      const place = (chip) => (lately.indexOf(chip.dataset.label) + MOST + 1) % (MOST + 1);
      palette.append(...[...chips].sort((a, b) => place(a) - place(b) || chips.indexOf(a) - chips.indexOf(b)));
    },
    key(e, key) {
      if (key === "/" && e.target !== filter) {
        filter.focus();
        return true;
      }
      if (e.target !== filter || !["enter", "escape"].includes(key)) return false;
      const first = key === "enter" && filter.value.trim() ? fits()[0] : null;
      clear();
      if (first) mark(first.dataset.label);
      return true;
    },
  };
};

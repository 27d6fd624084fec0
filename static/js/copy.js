/* <button data-copy="#id" hidden> copies the text of an element; the button stays hidden where no script runs. */
(() => {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  addEventListener("click", async (e) => {
    const button = e.target.closest("[data-copy]");
    const source = button && document.querySelector(button.dataset.copy);
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      document.dispatchEvent(new CustomEvent("toast", { detail: "Copied" }));
    } catch {
      getSelection().selectAllChildren(source);
      document.dispatchEvent(new CustomEvent("toast", { detail: "Selected; press Ctrl and C to copy it" }));
    }
  });
})();

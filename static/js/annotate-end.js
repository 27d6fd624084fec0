/* The end of work: what is still unsent is sent; when all is stored there may be more to do. A limit that ends while the
   page is open opens the way on, in the reader's own time of day. */
(() => {
  const $ = (id) => document.getElementById(id);
  const told = JSON.parse($("labelling").textContent);
  const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const keysOn = document.documentElement.dataset.keys !== "off";
  const { say, outbox: makeOutbox } = window.annotateNotices(told.project, told.user);
  let sent = false;
  const outbox = makeOutbox(csrf, {
    stored: () => { sent = true; },
    idle: () => sent && location.assign(told.page),
  });

  for (const time of document.querySelectorAll("time[data-local]"))
    time.textContent = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", ...(time.dataset.local === "day" && { weekday: "short" }) }).format(new Date(time.dateTime));

  const go = $("go-on");
  if (go) {
    const from = new Date(go.dataset.from);
    const button = Object.assign(document.createElement("button"), { type: "button", className: go.className, disabled: true });
    button.append(...go.childNodes);
    button.addEventListener("click", () => location.assign(told.page));
    go.replaceWith(button);
    const look = () => {
      const minutes = Math.ceil((from - Date.now()) / 60000);
      if (minutes > 0) {
        $("wait").textContent = minutes < 120 ? `in ${minutes} minute${minutes === 1 ? "" : "s"}` : `in ${Math.round(minutes / 60)} hours`;
        return setTimeout(look, Math.min(from - Date.now() + 250, 15000));
      }
      button.disabled = false;
      button.textContent = "Go on";
      $("wait").textContent = "now";
      say("The break is over. You can go on.");
    };
    look();
  }

  addEventListener("keydown", (e) => {
    if (!keysOn || e.ctrlKey || e.metaKey || e.altKey || e.repeat) return;
    const open = { g: "guide", "?": "keys" }[e.key.toLowerCase()];
    if (e.key === "Escape" && $("guide")?.matches(":popover-open")) $("guide").hidePopover();
    if (!open || !$(open)) return;
    e.preventDefault();
    $(open).togglePopover();
  });

  if (outbox.jobs.length) outbox.flush();
})();

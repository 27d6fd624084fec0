/* Answers that an annotate page could not send are sent from whatever page is opened next. */
(() => {
  const { user } = document.body.dataset;
  if (!user) return;
  const prefix = window.Outbox.name(user, ""), waiting = new Set();
  try {
    for (const key of Object.keys(localStorage)) {
      const [project, rest] = key.startsWith(prefix) ? key.slice(prefix.length).split(":", 2) : [];
      if (rest) waiting.add(project);
    }
  } catch { /* nothing is kept in this browser */ }
  const csrf = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
  for (const project of waiting) if (!project.endsWith("!")) new window.Outbox(window.Outbox.name(user, project), csrf, {}).flush();
})();

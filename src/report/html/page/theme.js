// Light, dark, or as the system has it. Whoever draws with colours is told of a change.
const themeWatchers = [];
const colour = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
const themeChanged = () => themeWatchers.forEach((w) => w());
{
  const group = document.getElementById("theme");
  const choose = (theme) => {
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", theme);
    for (const b of group.children) b.setAttribute("aria-pressed", String(b.dataset.theme === theme));
    themeChanged();
  };
  for (const theme of ["auto", "light", "dark"]) {
    group.append(button(capital(theme), { "data-theme": theme, "aria-pressed": String(theme === "auto") }, () => choose(theme)));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
}

// Light or dark: sets the choice before the first paint, so this is a plain script and no module.
(function () {
  const KEY = 'heartline.theme';
  let kept = null;
  try { kept = localStorage.getItem(KEY); } catch { /* storage may be forbidden */ }
  if (kept === 'light' || kept === 'dark') document.documentElement.dataset.theme = kept;

  const system = matchMedia('(prefers-color-scheme: dark)');
  window.heartlineTheme = {
    /** The theme that is shown: the kept choice, or the system's. */
    current() {
      return document.documentElement.dataset.theme || (system.matches ? 'dark' : 'light');
    },
    /** Switches to the other theme and keeps the choice. */
    toggle() {
      const next = this.current() === 'dark' ? 'light' : 'dark';
      document.documentElement.dataset.theme = next;
      try { localStorage.setItem(KEY, next); } catch { /* then it holds for this visit */ }
      document.dispatchEvent(new CustomEvent('themechange'));
    },
  };
  system.addEventListener('change', () => document.dispatchEvent(new CustomEvent('themechange')));
})();

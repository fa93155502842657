/**
 * What a report's page does in a browser: the theme's switch, choices, legends, tables that follow them, and figures that
 * are drawn by Vega in place of their still pictures as they come into sight. Without it the page has everything, all at
 * once. It is text, and not a module, since it runs elsewhere than the rest and must look the same however this is built.
 */
export const PAGE_SCRIPT = `(async () => {
  'use strict';
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const stored = (value) => {
    try {
      if (value === undefined) return localStorage.getItem('secateur-theme');
      localStorage.setItem('secateur-theme', value);
    } catch {}
    return null;
  };
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
  const button = document.querySelector('.theme');
  const name = () => (button.textContent = isDark() ? 'Light' : 'Dark');
  if (['light', 'dark'].includes(stored())) root.dataset.theme = stored();
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    stored(root.dataset.theme);
    name();
  });
  system.addEventListener('change', name);
  name();

  const packed = Uint8Array.from(atob(document.getElementById('figures').textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const figures = await new Response(stream).json();
  root.classList.add('live');

  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.append(tip);
  const showTip = (handler, event, item, value) => {
    tip.hidden = !value;
    if (!value) return;
    tip.replaceChildren(
      ...Object.entries(value).map(([key, text]) => {
        const line = document.createElement('div');
        for (const part of [key, text]) line.append(Object.assign(document.createElement('span'), { textContent: part }));
        return line;
      }),
    );
    const { width, height } = tip.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, innerWidth - width - 8);
    const y = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
    tip.style.left = Math.max(8, x) + 'px';
    tip.style.top = Math.max(8, y) + 'px';
  };

  const views = new Map();
  const state = Object.fromEntries(Object.keys(figures).map((name) => [name, { hidden: [], lit: null }]));
  const tell = (name) => {
    for (const [plot, view] of views)
      if (plot.dataset.figure === name) view.signal('hidden', state[name].hidden).signal('lit', state[name].lit).runAsync();
  };
  const draw = async (plot) => {
    const { figure, panel } = plot.dataset;
    const { spec, panels } = figures[figure];
    const own = structuredClone(spec);
    const { columns, values } = panels[panel];
    const row = (cells) => Object.fromEntries(columns.map((c, i) => [c, cells[i]]).filter(([, cell]) => cell !== null));
    own.data.find((d) => d.name === 'table').values = values.map(row);
    const still = plot.firstElementChild;
    const box = document.createElement('div');
    box.className = 'live-plot';
    plot.style.minHeight = (still ? still.getBoundingClientRect().height : 280) + 'px';
    if (still) still.style.display = 'none';
    plot.append(box);
    try {
      const view = new vega.View(vega.parse(own), { renderer: 'svg', container: box, hover: true, logLevel: vega.Error, tooltip: showTip });
      view.signal('hidden', state[figure].hidden).signal('lit', state[figure].lit);
      await view.runAsync();
      views.set(plot, view);
      still?.remove();
      plot.dataset.drawn = '';
    } catch (error) {
      console.error(error);
      box.remove();
      if (still) still.style.display = '';
    }
    plot.style.minHeight = '';
  };
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries)
        if (isIntersecting) {
          watch.unobserve(target);
          draw(target);
        }
    },
    { rootMargin: '600px' },
  );
  for (const plot of all('.plot')) watch.observe(plot);

  const picked = new Map();
  const scopeOf = (choice) => (choice.dataset.key === 'net' ? 'net' : choice.dataset.figure + ' ' + choice.dataset.key);
  const apply = () => {
    for (const item of all('[data-facets]')) {
      const facets = JSON.parse(item.dataset.facets);
      item.hidden = Object.entries(facets).some(([key, value]) => {
        const want = picked.get(key === 'net' ? 'net' : item.dataset.of + ' ' + key);
        return want !== undefined && want !== value;
      });
    }
    for (const choice of all('.choice'))
      for (const b of all('button', choice)) b.setAttribute('aria-pressed', String(picked.get(scopeOf(choice)) === b.value));
    dispatchEvent(new Event('resize'));
  };
  for (const choice of all('.choice')) {
    const buttons = all('button', choice);
    if (!picked.has(scopeOf(choice))) picked.set(scopeOf(choice), (buttons.find((b) => b.hasAttribute('data-first')) ?? buttons[0]).value);
    for (const b of buttons)
      b.addEventListener('click', () => {
        const top = choice.getBoundingClientRect().top;
        picked.set(scopeOf(choice), b.value);
        apply();
        scrollBy({ top: choice.getBoundingClientRect().top - top, behavior: 'instant' });
      });
  }
  apply();

  for (const chip of all('.chip')) {
    const { figure, series } = chip.dataset;
    const light = (lit) => {
      state[figure].lit = lit;
      tell(figure);
    };
    chip.addEventListener('click', () => {
      const { hidden } = state[figure];
      const off = hidden.includes(series);
      state[figure].hidden = off ? hidden.filter((s) => s !== series) : [...hidden, series];
      chip.setAttribute('aria-pressed', String(off));
      light(off ? series : null);
    });
    chip.addEventListener('pointerenter', () => state[figure].hidden.includes(series) || light(series));
    chip.addEventListener('pointerleave', () => light(null));
    chip.addEventListener('focus', () => chip.matches(':focus-visible') && light(series));
    chip.addEventListener('blur', () => light(null));
  }
})();
`;

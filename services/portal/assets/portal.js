// Draws /series.json with uPlot, again every 15 s while somebody looks. Everything else works without it.
const everyMs = 15_000;
const height = 170;
const charts = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const palette = () =>
  matchMedia('(prefers-color-scheme: dark)').matches
    ? ['#5b9be0', '#e0a94a', '#63c790', '#d98cc9', '#8ed0d9', '#c0a6f0', '#f08a7a', '#b6bf5a']
    : ['#2f6fb5', '#b8740f', '#1b7446', '#a4418f', '#1c7c88', '#6a4bb3', '#b3443a', '#6c7316'];

const shown = {
  rate: (value) => (value === null ? '–' : `${Number(value.toPrecision(3))}`),
  latency: (value) =>
    value === null
      ? '–'
      : value < 1
        ? `${Number((value * 1000).toPrecision(3))} ms`
        : `${Number(value.toPrecision(3))} s`,
};

const options = (kind, lines, width) => {
  const axis = {
    stroke: colour('muted'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  const colours = palette();
  return {
    width,
    height,
    padding: [8, 4, 0, 0],
    cursor: { points: { size: 6 } },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
    axes: [
      {
        ...axis,
        size: 28,
        values: (_, times) => times.map((t) => new Date(t * 1000).toTimeString().slice(0, 5)),
      },
      { ...axis, size: 58, values: (_, values) => values.map(shown[kind]) },
    ],
    series: [
      { label: 'Time', value: (_, t) => (t === null ? '–' : new Date(t * 1000).toTimeString().slice(0, 5)) },
      ...lines.map(({ label }, index) => ({
        label,
        stroke: colours[index % colours.length],
        width: 1.75,
        points: { show: false },
        value: (_, value) => shown[kind](value ?? null),
      })),
    ],
  };
};

/** Before the charts: one that has nothing to show takes no place. */
const say = (text) => {
  if (told.textContent !== text) told.textContent = text;
  told.hidden = text === '';
};

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** Why charts aren't there: once where all have the same reason, else for each. */
const reasonOf = (all) => {
  const missing = elements.map((each) => [each, all[each.dataset.chart].why]).filter(([, why]) => why !== '');
  const reasons = new Set(missing.map(([, why]) => why));
  if (missing.length === elements.length && reasons.size === 1) return sentence([...reasons][0]);
  return missing.map(([each, why]) => sentence(`${titleOf(each)}: ${why}`)).join(' ');
};
const titleOf = (element) => element.parentElement.querySelector('figcaption').textContent;

const clear = (element) => {
  charts.get(element)?.plot.destroy();
  charts.delete(element);
  element.parentElement.hidden = true;
};

const draw = (element, kind, { time, lines }) => {
  if (lines.length === 0) return clear(element);
  const data = [time, ...lines.map(({ values }) => values)];
  const labels = lines.map(({ label }) => label).join();
  const known = charts.get(element);
  if (known?.labels === labels) return known.plot.setData(data);
  known?.plot.destroy();
  element.replaceChildren();
  element.parentElement.hidden = false;
  const plot = new uPlot(options(kind, lines, element.clientWidth), data, element);
  plot.root.setAttribute('role', 'img');
  plot.root.setAttribute(
    'aria-label',
    `Lines for ${lines.map(({ label }) => label).join(', ')}; the table above has their present values`,
  );
  charts.set(element, { plot, labels });
};

const place = document.querySelector('[data-series]');
const elements = place === null ? [] : [...place.querySelectorAll('[data-chart]')];
const told = place?.querySelector('[data-told]');

const refresh = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(place.dataset.series, { headers: { accept: 'application/json' } });
    if (answer.status === 401) {
      elements.forEach(clear);
      return say('Your session has ended: load the page anew.');
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const all = await answer.json();
    for (const each of elements) draw(each, each.dataset.chart, all[each.dataset.chart]);
    say(reasonOf(all));
  } catch {
    // What is drawn stays.
    if (charts.size > 0) return;
    elements.forEach(clear);
    say('The series could not be loaded; tried again soon.');
  }
};

if (elements.length > 0) {
  const widths = new ResizeObserver(() => {
    for (const [element, { plot }] of charts) plot.setSize({ width: element.clientWidth, height });
  });
  for (const each of elements) widths.observe(each);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const { plot } of charts.values()) plot.destroy();
    charts.clear();
    refresh();
  });
  document.addEventListener('visibilitychange', refresh);
  setInterval(refresh, everyMs);
  refresh();
}

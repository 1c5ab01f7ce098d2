"use strict";
// The page's only logic: add up the published cells that pass the filter, and show them. No number is stored anywhere else.
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const { views, cube, words, numbers, roughBelow, hiddenBelow, hasExactTotals } = content;
  const membersOf = {
    trait: (view, codes) => [codes[view.dimension]],
    segments: (view, codes) => view.memberships[codes[view.dimension]],
    pair: (view, codes) => {
      const position = view.positions[codes[view.dimension]];
      return position < 0 ? [] : [position * view.bands + codes[view.bandDimension]];
    },
  };
  const cells = cube.cells.map((codes) => {
    const [stayed, churned] = codes.slice(-2);
    return { clients: stayed + churned, churned, members: views.map((view) => membersOf[view.kind](view, codes)) };
  });
  const selected = new Map(views.map((view) => [view.id, new Set()]));
  const charts = []; // {view, panel, vega}
  const parts = new Map(); // view id -> {buttons, body}
  let rendering = Promise.resolve();
  let isPlanned = false;
  const ERRORS = 1; // Vega reports errors only

  // --- numbers as text ---
  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, numbers.thousands);
  const count = (value) => grouped(String(value));
  // Half goes away from zero, as on every page: of a double the 15 digits count that it surely holds.
  const tenths = (value) => (Math.round((10 * value).toPrecision(15)) / 10).toFixed(1);
  const decimal = (value) => tenths(value).replace(".", numbers.decimal);
  const percent = (value) => (value === null ? "—" : decimal(100 * value) + numbers.percent);
  const isExact = (filtered) => hasExactTotals && !filtered;
  const rateOf = ({ clients, rate }, filtered) => {
    const isRough = rate !== null && clients < roughBelow && !isExact(filtered);
    return (isRough ? "≈\u00a0" : "") + percent(rate);
  };
  const interval = (low, high) =>
    low === null ? "—" : fill(words.range, { low: decimal(100 * low), high: percent(high) });
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const points = (value) => {
    if (value === null) return "—";
    const size = Math.abs(100 * value);
    const sign = Number(tenths(size)) === 0 ? "" : value > 0 ? "+" : "−";
    return sign + decimal(size) + numbers.points;
  };

  // --- counting ---
  const Z = 1.959963984540054;
  const unrated = { rate: null, low: null, high: null };
  const rated = (clients, churned) => {
    // The rate of a few clients whose number is not exact would be that of the protection.
    if (clients === 0 || (clients < hiddenBelow && !isExact(isFiltered())))
      return { clients, churned, ...unrated };
    const rate = churned / clients;
    const scale = 1 + (Z * Z) / clients;
    const centre = (rate + (Z * Z) / (2 * clients)) / scale;
    const reach = (Z / scale) * Math.sqrt((rate * (1 - rate)) / clients + (Z * Z) / (4 * clients * clients));
    const low = churned === 0 ? 0 : Math.max(0, centre - reach);
    const high = churned === clients ? 1 : Math.min(1, centre + reach);
    return { clients, churned, rate, low, high };
  };
  const passes = (cell, except) =>
    views.every((view, index) => {
      const wanted = selected.get(view.id);
      return index === except || wanted.size === 0 || cell.members[index].some((level) => wanted.has(level));
    });
  const total = (kept) => {
    let clients = 0;
    let churned = 0;
    for (const cell of kept) {
      clients += cell.clients;
      churned += cell.churned;
    }
    return rated(clients, churned);
  };
  const byLevel = (index) => {
    const kept = cells.filter((cell) => passes(cell, index));
    const all = total(kept).clients;
    return views[index].levels.map((level, position) => {
      const group = total(kept.filter((cell) => cell.members[index].includes(position)));
      return { ...group, ...(level.isChurnSetByRule && unrated), share: all === 0 ? null : group.clients / all };
    });
  };
  const isFiltered = () => views.some((view) => selected.get(view.id).size > 0);
  const whole = total(cells);
  const wholeByLevel = views.map((_, index) => byLevel(index));

  // --- what the charts get ---
  const tip = (label, row) =>
    fill(words.tip, {
      label, clients: count(row.clients), churned: count(row.churned),
      rate: rateOf(row, isFiltered()), interval: interval(row.low, row.high),
    });
  const chartRows = (index, panel, rows) =>
    rows.map((row, position) => {
      const view = views[index];
      const level = view.levels[position];
      const wanted = selected.get(view.id);
      const bank = wholeByLevel[index][position];
      const filtered = isFiltered();
      return {
        level: position, label: level.label, ...row, stayed: row.clients - row.churned,
        strength: wanted.size === 0 || wanted.has(position) ? 1 : 0.3,
        average: whole.rate, bank: filtered ? bank.rate : null, bank_share: filtered ? bank.share : null,
        band: level.band, band_order: level.bandOrder, line: level.line, colour: level.colour, symbol: level.symbol,
        text: panel === "counts" ? count(row.clients) : panel === "coverage" ? percent(row.share) : rateOf(row, filtered),
        tip: tip(level.label, row),
      };
    });

  // --- the page ---
  const element = (tag, properties = {}, children = []) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "text") node.textContent = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };
  const toggle = (id, position) => {
    const wanted = selected.get(id);
    if (!wanted.delete(position)) wanted.add(position);
    plan();
  };
  const reset = () => {
    for (const wanted of selected.values()) wanted.clear();
    plan();
    document.querySelector(".figures").scrollIntoView({ block: "nearest" });
  };
  const buildView = (view, index) => {
    const card = element("section", { class: view.wide ? "card wide" : "card", "aria-labelledby": `title-${index}` });
    card.append(element("h2", { id: `title-${index}`, text: view.title }));
    if (view.note) card.append(element("p", { class: "note", text: view.note }));
    if (view.key) {
      const items = view.key.map(({ glyph, colour, label }) => {
        const mark = element("span", { text: `${glyph} `, "aria-hidden": "true" });
        mark.style.color = colour;
        return element("li", { title: label }, [mark, label]);
      });
      card.append(element("ul", { class: "key" }, items));
    }
    const panels = element("div", { class: "panels" });
    for (const panel of view.panels) {
      const chart = element("div", { class: "chart", role: "img", "aria-label": `${view.title}. ${panel.title}. ${words.seeTable}` });
      panels.append(element("div", { class: "panel" }, [element("h3", { text: panel.title }), chart]));
      charts.push({ index, kind: panel.chart, node: chart, vega: null });
    }
    const buttons = view.levels.map((level, position) => {
      const button = element("button", { type: "button", class: "level", "aria-pressed": "false", title: level.label, text: level.label });
      button.addEventListener("click", () => toggle(view.id, position));
      return button;
    });
    const levels = element("fieldset", { class: "levels" }, [element("legend", { text: words.chooseLevels }), ...buttons]);
    const body = element("tbody");
    const heads = words.columns.map((text) => element("th", { scope: "col", text }));
    const caption = element("caption", { class: "visually-hidden", text: view.title });
    const table = element("table", { id: `table-${view.id}` }, [caption, element("thead", {}, [element("tr", {}, heads)]), body]);
    const rules = view.rules ? [buildRules(view.rules)] : [];
    const behind = element("details", {}, [element("summary", { text: words.table }), element("div", { class: "scroll", tabindex: "0" }, [table])]);
    const filterBox = view.foldLevels
      ? element("details", {}, [element("summary", { text: words.levelsFolded }), levels])
      : levels;
    card.append(panels, filterBox, behind, ...rules);
    parts.set(view.id, { buttons, body });
    return card;
  };
  const buildRules = (rules) => {
    const rows = rules.map((rule) =>
      element("tr", {}, [
        element("th", { scope: "row", text: rule.name }),
        element("td", { text: rule.description }),
        element("td", { text: rule.rule }),
      ]));
    const heads = words.ruleColumns.map((text) => element("th", { scope: "col", text }));
    const caption = element("caption", { class: "visually-hidden", text: words.rules });
    const table = element("table", { class: "rules" }, [caption, element("thead", {}, [element("tr", {}, heads)]), element("tbody", {}, rows)]);
    return element("details", {}, [element("summary", { text: words.rules }), element("div", { class: "scroll", tabindex: "0" }, [table])]);
  };
  const tableCells = (row, bank) => [
    count(row.clients), percent(row.share), count(row.churned), rateOf(row, isFiltered()), interval(row.low, row.high), rateOf(bank, false),
  ];
  const put = (id, text) => {
    document.getElementById(id).textContent = text;
  };
  const showFigures = () => {
    const now = total(cells.filter((cell) => passes(cell, -1)));
    const share = (part, of) => percent(of === 0 ? null : part / of);
    put("clients", count(now.clients));
    put("clients-beside", fill(words.clientsBeside, { share: share(now.clients, whole.clients), bank: count(whole.clients) }));
    put("churned", count(now.churned));
    put("churned-beside", fill(words.churnedBeside, { share: share(now.churned, whole.churned), bank: count(whole.churned) }));
    put("rate", rateOf(now, isFiltered()));
    put("rate-beside", fill(words.rateBeside, {
      interval: interval(now.low, now.high), bank: percent(whole.rate), bankInterval: interval(whole.low, whole.high),
      difference: points(now.rate === null || whole.rate === null ? null : now.rate - whole.rate),
    }));
  };
  const clauses = () =>
    views.filter((view) => selected.get(view.id).size > 0).map((view) => {
      const names = [...selected.get(view.id)].sort((one, two) => one - two).map((position) => view.levels[position].label);
      return { id: view.id, text: `${view.title}: ${names.join(words.or)}` };
    });
  const showFilter = () => {
    const chosen = clauses();
    const chips = chosen.map(({ id, text }) => {
      const chip = element("button", { type: "button", class: "chip", title: text, "aria-label": fill(words.remove, { text }) }, [element("span", { class: "name-text", text: `${text} ✕` })]);
      chip.addEventListener("click", () => {
        selected.get(id).clear();
        plan();
        document.getElementById("reset").focus();
      });
      return chip;
    });
    document.getElementById("filter").replaceChildren(...(chips.length ? chips : [words.noFilter]));
    put("spoken", chosen.length ? `${words.filter} ${chosen.map((clause) => clause.text).join("; ")}` : words.noFilter);
    document.getElementById("reset").setAttribute("aria-disabled", String(chosen.length === 0));
  };
  const showView = (view, index) => {
    const rows = byLevel(index);
    const { buttons, body } = parts.get(view.id);
    buttons.forEach((button, position) => button.setAttribute("aria-pressed", String(selected.get(view.id).has(position))));
    body.replaceChildren(...rows.map((row, position) =>
      element("tr", {}, [
        element("th", { scope: "row", title: view.levels[position].label }, [element("span", { class: "name-text", text: view.levels[position].label })]),
        ...tableCells(row, wholeByLevel[index][position]).map((text) => element("td", { text })),
      ])));
    return rows;
  };
  const render = () => {
    isPlanned = false;
    showFigures();
    showFilter();
    const rows = views.map(showView);
    const drawn = charts.filter((chart) => chart.vega).map((chart) =>
      // Anew, for other labels take another width.
      chart.vega.data("rows", chartRows(chart.index, chart.kind, rows[chart.index])).resize().runAsync());
    return Promise.all(drawn);
  };
  const plan = () => {
    if (isPlanned) return;
    isPlanned = true;
    rendering = rendering.then(render);
  };
  const draw = async (chart) => {
    const spec = structuredClone(content.specs[chart.kind]);
    spec.description = chart.node.getAttribute("aria-label"); // not what the file says to those who edit it
    spec.datasets = { rows: chart.rows ?? chartRows(chart.index, chart.kind, byLevel(chart.index)) };
    const levels = chart.rows ?? views[chart.index].levels;
    if (typeof spec.height === "object") spec.height = spec.height.step * Math.max(1, levels.length);
    spec.config.axis.labelLimit = Math.round(0.42 * chart.node.clientWidth); // the rest of a long name is in the table
    if (chart.vega) chart.vega.finalize();
    const { view } = await vegaEmbed(chart.node, spec, {
      actions: false, renderer: "svg", mode: "vega-lite", logLevel: ERRORS,
      formatLocale: { decimal: numbers.decimal, thousands: numbers.thousands, grouping: [3], currency: ["", ""], percent: numbers.percent },
    });
    chart.vega = view;
    if (chart.rows) return;
    view.addEventListener("click", (_, item) => {
      if (item && item.datum && Number.isInteger(item.datum.level)) toggle(views[chart.index].id, item.datum.level);
    });
  };

  // --- profit at another worth of a kept client; its formula is in the chart ---
  const economics = { kind: "profit", node: document.getElementById("profit"), rows: content.proposals, vega: null };
  const slider = document.getElementById("worth");
  const money = (value) => (value < 0 && Math.round(value) !== 0 ? "−" : "") + count(Math.round(Math.abs(value)));
  const profits = () => economics.vega.data("profit_marks").map(({ datum: { label, value_of_kept_client, profit } }) => ({
    label, worth: (value_of_kept_client * slider.value) / 100, profit,
  }));
  const value = async () => {
    put("worth-shown", count(slider.value) + numbers.percent);
    slider.setAttribute("aria-valuetext", count(slider.value) + numbers.percent);
    await economics.vega.signal("worth", Number(slider.value)).runAsync();
    document.getElementById("profits").replaceChildren(...profits().map(({ label, worth, profit }) =>
      element("tr", {}, [
        element("th", { scope: "row", text: label }), element("td", { text: money(worth) }), element("td", { text: money(profit) }),
      ])));
  };
  if (slider) slider.addEventListener("input", () => {
    rendering = rendering.then(value);
  });

  document.getElementById("views").append(...views.map(buildView));
  document.getElementById("reset").addEventListener("click", reset);
  const drawAll = () => Promise.all([...charts.map(draw), ...(slider ? [draw(economics).then(value)] : [])]);
  rendering = render().then(drawAll);
  window.matchMedia("(max-width: 640px)").addEventListener("change", () => {
    rendering = rendering.then(drawAll);
  });

  // --- for tests, and for whoever wants the numbers shown ---
  window.dashboardSettled = async () => {
    let seen;
    do {
      seen = rendering;
      await seen;
    } while (seen !== rendering);
  };
  window.dashboardToggle = (id, position) => parts.get(id).buttons[position].click();
  window.dashboardState = () => ({
    profits: slider ? profits() : [],
    filter: Object.fromEntries(views.map((view) => [view.id, [...selected.get(view.id)].map((position) => view.levels[position].id)])),
    words: document.getElementById("spoken").textContent,
    texts: Object.fromEntries(["clients", "clients-beside", "churned", "churned-beside", "rate", "rate-beside"].map((id) => [id, document.getElementById(id).textContent])),
    tables: Object.fromEntries(views.map((view) => [view.id, [...parts.get(view.id).body.rows].map((row) => [...row.cells].map((cell) => cell.textContent))])),
    charts: charts.map((chart) => ({
      id: views[chart.index].id, chart: chart.kind,
      rows: chart.vega.data("rows").map(({ level, clients, churned, rate, low, high, share, text }) => ({
        level: views[chart.index].levels[level].id, clients, churned, rate, low, high, share, text,
      })),
    })),
  });
})();

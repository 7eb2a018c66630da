"use strict";
// The page's only script: one cursor over grids and charts, and the wipe. Without it, everything but these can be read.
(() => {
  const one = (query, inside = document) => inside.querySelector(query);
  const all = (query, inside = document) => [...inside.querySelectorAll(query)];
  const data = JSON.parse(one("#moments").textContent);
  const counted = (number) => number.toLocaleString("en-US");
  document.body.classList.add("live");
  for (const image of all("img[data-picture]")) data.pictures[Number(image.dataset.picture)] = image.getAttribute("src");

  // Pictures: enlarged by whole device pixels, so that every pixel of a sprite is equally large.
  const fit = (image) => {
    const mat = image.closest(".mat"), most = mat.classList.contains("large") ? 832 : 560;
    const room = Math.min(most, mat.parentElement.clientWidth);
    if (!image.naturalWidth || !room) return;
    const dots = window.devicePixelRatio || 1;
    const times = Math.min(Math.floor((room * dots) / image.naturalWidth), Math.ceil(4 * dots));
    const width = times >= 1 ? (times * image.naturalWidth) / dots : room;
    image.style.width = `${Math.min(width, room)}px`;
  };
  const fitAll = () => all("img.sheet").forEach(fit);
  all("img.sheet").forEach((image) => image.addEventListener("load", () => fit(image)));
  window.addEventListener("resize", fitAll);
  window.addEventListener("load", fitAll);
  fitAll();

  // The newest entry [place, ...] at or before a place of the axis, else the first.
  const newest = (entries, place) => {
    let found = entries[0];
    for (const entry of entries) if (entry[0] <= place) found = entry;
    return found;
  };
  const words = (place) => (data.byPictures ? `${counted(place)} pictures seen` : `iteration ${counted(place)}`);
  const show = (image, picture, text) => {
    if (image.getAttribute("src") !== picture) image.setAttribute("src", picture);
    image.alt = text;
  };
  const number = (value, percent) => {
    if (value === null || value === undefined) return "–";
    if (percent) return `${Number((100 * value).toPrecision(3))} %`;
    const size = Math.abs(value);
    return size !== 0 && (size < 0.001 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  };

  const moment = one("#moment");
  const moments = data.moments;
  if (moment && moments.length) {
    const when = one("#when"), spoken = one("#spoken"), play = one("#play"), notable = one("#notable");
    const grids = all(".grid[data-run]"), cursors = all(".cursor"), values = all("[data-line]");
    let which = "fixed", speaking = 0, playing = 0;

    const move = (stop) => {
      const at = Math.max(0, Math.min(moments.length - 1, stop)), place = moments[at];
      moment.value = String(at);
      when.textContent = words(place);
      const told = [words(place).replace("iteration", "Iteration")];
      for (const grid of grids) {
        const run = data.runs[Number(grid.dataset.run)];
        const entries = run[which].length ? run[which] : run.fixed;
        const [, picture, drawn] = newest(entries, place);
        show(one("img", grid), data.pictures[picture], `Samples at iteration ${counted(drawn)}`);
        const ended = place > run.last ? " (it ended)" : "";
        one(".at", grid).textContent = `iteration ${counted(drawn)}${ended}`;
        const judged = run.found.length && run.found[0][0] <= place ? newest(run.found, place) : null;
        one(".found", grid).textContent = judged ? `${judged[1]} (judged at ${counted(judged[2])})` : "";
        if (judged) told.push(data.runs.length > 1 ? `${run.title}: ${judged[1]}` : judged[1]);
      }
      const x = `${(100 * place) / Math.max(1, data.last)}%`;
      for (const cursor of cursors) { cursor.setAttribute("x1", x); cursor.setAttribute("x2", x); }
      for (const value of values) {
        const chart = Number(value.dataset.line.split(".")[0]);
        value.textContent = number(data.lines[value.dataset.line][at], data.percent.includes(chart));
      }
      moment.setAttribute("aria-valuetext", told.join(". "));
      clearTimeout(speaking);
      speaking = setTimeout(() => { spoken.textContent = document.activeElement === moment ? "" : told.join(". "); }, 500);
    };
    const step = (count) => move(Number(moment.value) + count);
    const stop = () => {
      clearInterval(playing);
      playing = 0;
      play.textContent = "Play";
      play.setAttribute("aria-pressed", "false");
    };
    moment.addEventListener("input", () => { stop(); move(Number(moment.value)); });
    if (notable) {
      notable.value = notable.options[notable.options.length - 1].value;
      notable.addEventListener("change", () => { stop(); move(Number(notable.value)); });
    }
    play.addEventListener("click", () => {
      if (playing) return stop();
      if (Number(moment.value) === moments.length - 1) move(0);
      play.textContent = "Pause";
      play.setAttribute("aria-pressed", "true");
      playing = setInterval(() => {
        if (Number(moment.value) >= moments.length - 1) stop(); else step(1);
      }, Math.max(60, Math.min(400, 15000 / moments.length)));
    });
    for (const button of all('input[name="which"]')) {
      button.addEventListener("change", () => { which = button.value; step(0); });
    }
    document.addEventListener("keydown", (event) => {
      const busy = event.target.closest("input, select, button, summary, a, .wide");
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || busy || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      stop();
      step(by);
    });
    for (const plot of all(".plot")) {
      const go = (event) => {
        const box = plot.getBoundingClientRect();
        const wanted = (data.last * (event.clientX - box.left)) / box.width;
        let best = 0;
        moments.forEach((at, place) => { if (Math.abs(at - wanted) < Math.abs(moments[best] - wanted)) best = place; });
        stop();
        move(best);
      };
      plot.addEventListener("pointerdown", (event) => { if (event.button === 0) go(event); });
      plot.addEventListener("pointermove", (event) => { if (event.buttons & 1) go(event); });
    }
    move(moments.length - 1);
  }

  const cut = one("#cut");
  if (cut) {
    const mat = one("#wiping");
    const sides = ["a", "b"].map((side) => ({
      run: one(`#wipe-run-${side}`), at: one(`#wipe-at-${side}`), image: one(`#wipe-${side}`),
      name: side === "a" ? "Left" : "Right",
    }));
    const draw = (side) => {
      const run = data.runs[Number(side.run.value)];
      const [, picture, iteration] = run.fixed[Number(side.at.value)];
      const whose = data.runs.length > 1 ? `${run.title}, ` : "";
      show(side.image, data.pictures[picture], `${side.name}: ${whose}samples at iteration ${counted(iteration)}`);
    };
    const fill = (side, place) => {
      const entries = data.runs[Number(side.run.value)].fixed;
      side.at.replaceChildren(...entries.map(([, , iteration], index) => new Option(counted(iteration), String(index))));
      side.at.value = String(place < 0 ? entries.length - 1 : Math.min(place, entries.length - 1));
      draw(side);
    };
    for (const side of sides) {
      side.run.addEventListener("change", () => fill(side, -1));
      side.at.addEventListener("change", () => draw(side));
    }
    const several = sides[0].run.options.length > 1;
    if (several) sides[1].run.selectedIndex = 1;
    fill(sides[0], several ? -1 : 0);
    fill(sides[1], -1);
    const wipe = () => {
      mat.style.setProperty("--cut", `${cut.value}%`);
      cut.setAttribute("aria-valuetext", `${cut.value} % left`);
    };
    cut.addEventListener("input", wipe);
    const drag = (event) => {
      const box = mat.getBoundingClientRect();
      cut.value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
      wipe();
    };
    mat.addEventListener("pointerdown", (event) => { if (event.button === 0) { mat.setPointerCapture(event.pointerId); drag(event); } });
    mat.addEventListener("pointermove", (event) => { if (event.buttons & 1) drag(event); });
    mat.addEventListener("dragstart", (event) => event.preventDefault());
    wipe();
  }

  // On paper nothing can be opened.
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = all(".judged details:not([open]), .chart details:not([open]), #experiment details:not([open])");
    closed.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
})();

// One dashboard on one page, chosen by ?board=NAME; `window.drawn` tells when it is complete.
import "@fontsource/inter/400.css";
import "@fontsource/inter/500.css";
import "@fontsource/roboto-mono/400.css";
import { ThemeContext, createTheme, setTimeZoneResolver } from "@grafana/data";
import { GlobalStyles, PortalContainer } from "@grafana/ui";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";

import { Panel } from "./panels.jsx";

const COLUMNS = 24;
const ROW = 30; // of Grafana's grid, in pixels
const GAP = 8;
const theme = createTheme({ colors: { mode: "dark" } });

function placed(place, width) {
  const column = (width - GAP) / COLUMNS;
  return {
    left: GAP + place.x * column,
    top: place.y * (ROW + GAP),
    width: place.w * column - GAP,
    height: place.h * (ROW + GAP) - GAP,
  };
}

function Board({ board, width, span }) {
  const places = board.panels.map(({ panel }) => placed(panel.gridPos, width));
  const height = Math.max(...places.map((place) => place.top + place.height)) + GAP;
  const chosen = Object.entries(board.chosen);
  useEffect(() => {
    // Two frames for the plots, which are canvases, and time for icons, which are fetched.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => (window.drawn = true), 1500)));
  }, []);
  return (
    <div style={{ width, background: theme.colors.background.canvas }}>
      <header style={{ padding: `${2 * GAP}px ${GAP}px`, display: "flex", gap: 2 * GAP, alignItems: "baseline" }}>
        <h3 style={{ margin: 0, flexGrow: 1 }}>{board.title}</h3>
        {chosen.map(([name, value]) => (
          <span key={name} style={{ color: theme.colors.text.secondary }}>
            {name} <b style={{ color: theme.colors.text.primary }}>{value}</b>
          </span>
        ))}
      </header>
      <div style={{ position: "relative", height }}>
        {board.panels.map((each, number) => (
          <div key={number} style={{ position: "absolute", ...places[number] }}>
            <Panel {...each} {...places[number]} span={span} theme={theme} />
          </div>
        ))}
      </div>
    </div>
  );
}

const { width, span, boards } = await (await fetch("/figures.json")).json();
const board = boards[new URLSearchParams(location.search).get("board")];
setTimeZoneResolver(() => "utc");
await document.fonts.ready;
createRoot(document.getElementById("page")).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <Board board={board} width={width} span={span} />
    <PortalContainer />
  </ThemeContext.Provider>,
);

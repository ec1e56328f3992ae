// Grafana's heatmap is part of its server and in no library. This one is drawn from the same data by
// the plot that is under all of Grafana's graphs, in the colours that the dashboard names.
import { formattedValueToString, getValueFormat } from "@grafana/data";
import { UPlotChart, UPlotConfigBuilder } from "@grafana/ui";
import * as chromatic from "d3-scale-chromatic";

const FAINTEST = 0.12; // of the colours: a single device still shows on a dark page

export function Heatmap({ panel, frames, timeRange, theme, width, height }) {
  const rows = rowsOf(frames);
  const times = [...new Set(frames.flatMap((frame) => frame.fields[0].values))].sort((one, other) => one - other);
  const format = getValueFormat(panel.options.yAxis?.unit ?? panel.fieldConfig.defaults.unit);
  const names = [0, ...rows.map(({ end }) => end)].map((end) => formattedValueToString(format(end)));
  const colour = chromatic[`interpolate${panel.options.color?.scheme ?? "Oranges"}`];
  const built = new UPlotConfigBuilder("utc");
  built.addScale({
    scaleKey: "x",
    isTime: true,
    orientation: 0,
    direction: 1,
    range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
  });
  built.addScale({ scaleKey: "y", orientation: 1, direction: 1, range: () => [0, rows.length] });
  built.addAxis({ scaleKey: "x", isTime: true, placement: "bottom", timeZone: "utc", theme });
  built.addAxis({
    scaleKey: "y",
    placement: "left",
    theme,
    splits: names.map((_, place) => place),
    values: names,
    grid: { show: false },
  });
  built.addSeries({ scaleKey: "y", theme, pathBuilder: () => null, pointsBuilder: () => null, show: true });
  built.addHook("drawClear", (plot) => fill(plot, rows, frames[0].fields[0].config.interval, colour));
  const empty = times.map(() => null);
  return <UPlotChart config={built} data={[times, empty]} {...{ width, height }} />;
}

// Devices in each interval: what is at most at its end and not at most at the end before.
function rowsOf(frames) {
  const ends = frames
    .map((frame) => ({ end: Number(frame.fields[1].labels.le.replace("+Inf", "Infinity")), values: valuesOf(frame) }))
    .sort((one, other) => one.end - other.end);
  return ends.map(({ end, values }, place) => ({
    end,
    values: new Map([...values].map(([time, value]) => [time, value - (ends[place - 1]?.values.get(time) ?? 0)])),
  }));
}

function valuesOf(frame) {
  return new Map(frame.fields[0].values.map((time, place) => [time, frame.fields[1].values[place]]));
}

function fill(plot, rows, interval, colour) {
  const most = Math.max(...rows.flatMap(({ values }) => [...values.values()]));
  plot.ctx.save();
  rows.forEach(({ values }, row) => {
    const top = plot.valToPos(row + 1, "y", true);
    const bottom = plot.valToPos(row, "y", true);
    for (const [time, value] of values) {
      if (value > 0) {
        const left = plot.valToPos(time, "x", true);
        const right = plot.valToPos(time + interval, "x", true);
        plot.ctx.fillStyle = colour(1 - FAINTEST - (1 - 2 * FAINTEST) * Math.sqrt(value / most));
        plot.ctx.fillRect(left, top + 1, Math.max(1, right - left), bottom - top - 1);
      }
    }
  });
  plot.ctx.restore();
}

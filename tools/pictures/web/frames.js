// What Prometheus answered, as the frames that Grafana's panels read.
import {
  FieldConfigOptionsRegistry,
  FieldType,
  applyFieldOverrides,
  createDataFrame,
  identityOverrideProcessor,
} from "@grafana/data";

// What Grafana's panels take where a dashboard says nothing; the panels themselves are no library.
const THRESHOLDS = {
  mode: "absolute",
  steps: [
    { value: -Infinity, color: "green" },
    { value: 80, color: "red" },
  ],
};
const LINES = {
  drawStyle: "line",
  lineInterpolation: "linear",
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: "none",
  spanNulls: false,
  showPoints: "auto",
  pointSize: 5,
  stacking: { mode: "none", group: "A" },
  axisPlacement: "auto",
  axisLabel: "",
  scaleDistribution: { type: "linear" },
  thresholdsStyle: { mode: "off" },
};
const DEFAULTS = {
  timeseries: { color: { mode: "palette-classic" }, thresholds: THRESHOLDS, custom: LINES },
  stat: { color: { mode: "thresholds" }, thresholds: THRESHOLDS, custom: {} },
  table: {
    color: { mode: "thresholds" },
    thresholds: THRESHOLDS,
    custom: { align: "auto", cellOptions: { type: "auto" }, inspect: false },
  },
  heatmap: { color: { mode: "thresholds" }, thresholds: THRESHOLDS, custom: {} },
};
const OWN = ["unit", "min", "max", "decimals", "displayName", "noValue", "thresholds", "mappings", "links", "color"];
const CUSTOM = [...Object.keys(LINES), "lineStyle", "fillBelowTo", "hideFrom", "align", "width", "cellOptions", "axisSoftMin", "axisSoftMax", "filterable"];

function option(path, isCustom) {
  return {
    id: isCustom ? `custom.${path}` : path,
    path,
    name: path,
    isCustom,
    process: identityOverrideProcessor,
    shouldApply: () => true,
  };
}

const registry = new FieldConfigOptionsRegistry(() => [
  ...OWN.map((path) => option(path, false)),
  ...CUSTOM.map((path) => option(path, true)),
]);

/** Frames of a panel's answers, with units, colours and names as its JSON says. */
export function framesOf(panel, answers, theme) {
  const given = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  const defaults = { ...DEFAULTS[panel.type], ...given.defaults };
  const steps = defaults.thresholds.steps.map(({ value, color }) => ({ value: value ?? -Infinity, color }));
  return applyFieldOverrides({
    data: panel.type === "table" ? answers.map(tableOf) : answers.flatMap(linesOf),
    fieldConfig: {
      defaults: {
        ...defaults,
        thresholds: { ...defaults.thresholds, steps },
        custom: { ...DEFAULTS[panel.type].custom, ...given.defaults.custom },
      },
      overrides: given.overrides ?? [],
    },
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: "utc",
  });
}

function linesOf({ refId, step, series }) {
  return series.map(({ labels, name, values }) =>
    createDataFrame({
      refId,
      fields: [
        {
          name: "Time",
          type: FieldType.time,
          values: values.map(([seconds]) => seconds * 1000),
          config: { interval: step * 1000 },
        },
        {
          name: "Value",
          type: FieldType.number,
          values: values.map(([, value]) => Number(value)),
          labels,
          config: name ? { displayNameFromDS: name } : {},
        },
      ],
    }),
  );
}

function tableOf({ refId, series }) {
  const labels = [...new Set(series.flatMap((each) => Object.keys(each.labels)))].sort();
  return createDataFrame({
    refId,
    fields: [
      { name: "Time", type: FieldType.time, config: {}, values: series.map(({ values }) => values[0][0] * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        config: {},
        values: series.map((each) => each.labels[label] ?? ""),
      })),
      { name: "Value", type: FieldType.number, config: {}, values: series.map(({ values }) => Number(values[0][1])) },
    ],
  });
}

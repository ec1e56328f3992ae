// A panel in Grafana's frame, drawn by the component of @grafana/ui that its type has.
import {
  FieldType,
  applyNullInsertThreshold,
  dateTime,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  standardTransformersRegistry,
  standardTransformers,
  transformDataFrame,
} from "@grafana/data";
import { BigValue, PanelChrome, Table, TimeSeries, VizRepeater } from "@grafana/ui";
import { useEffect, useMemo, useState } from "react";

import { framesOf } from "./frames.js";
import { Heatmap } from "./heatmap.jsx";

const { organizeFieldsTransformer: organize } = standardTransformers; // the only one there is
standardTransformersRegistry.setInit(() => [{ id: organize.id, name: organize.name, transformation: () => organize }]);

const DRAWERS = { timeseries: Lines, stat: Numbers, table: Rows, heatmap: Heatmap };

export function Panel({ panel, answers, width, height, span, theme }) {
  const Drawer = DRAWERS[panel.type];
  const frames = useTransformed(panel, answers, theme);
  const begin = dateTime(span.from * 1000);
  const end = dateTime(span.to * 1000);
  const timeRange = { from: begin, to: end, raw: { from: begin, to: end } };
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(innerWidth, innerHeight) =>
        frames === undefined ? null : frames.every((frame) => frame.length === 0) ? (
          <Nothing panel={panel} height={innerHeight} />
        ) : (
          <Drawer {...{ panel, frames, timeRange, theme, width: innerWidth, height: innerHeight }} />
        )
      }
    </PanelChrome>
  );
}

function useTransformed(panel, answers, theme) {
  const [frames, setFrames] = useState();
  useEffect(() => {
    const told = framesOf(panel, answers, theme);
    const asked = transformDataFrame(panel.transformations ?? [], told).subscribe(setFrames);
    return () => asked.unsubscribe();
  }, [panel, answers, theme]);
  return frames;
}

function Nothing({ panel, height }) {
  const style = { height, display: "flex", alignItems: "center", justifyContent: "center" };
  return <div style={style}>{panel.fieldConfig.defaults.noValue ?? "No data"}</div>;
}

function Lines({ panel, frames: told, timeRange, width, height }) {
  const { legend } = panel.options;
  const frames = useMemo(() => told.map((frame) => withGaps(withoutInfinities(frame), timeRange)), [told]);
  return <TimeSeries {...{ frames, timeRange, width, height, legend }} timeZone="utc" structureRev={1} options={panel.options} />;
}

// Of what was divided by nothing there is no point, as in Grafana's own panel.
function withoutInfinities(frame) {
  const finite = (value) => (Number.isFinite(value) ? value : null);
  const fields = frame.fields.map((field) =>
    field.type === FieldType.number ? { ...field, values: field.values.map(finite) } : field,
  );
  return { ...frame, fields };
}

// Where a series was away there is a gap, and no line across.
function withGaps(frame, { from, to }) {
  return applyNullInsertThreshold({ frame, refFieldPseudoMin: from.valueOf(), refFieldPseudoMax: to.valueOf() });
}

function Numbers({ panel, frames, theme, width, height }) {
  const { options } = panel;
  const values = getFieldDisplayValues({
    data: frames,
    fieldConfig: panel.fieldConfig,
    reduceOptions: { values: false, fields: "", calcs: ["lastNotNull"], ...options.reduceOptions },
    replaceVariables: (text) => text,
    sparkline: options.graphMode === "area",
    theme,
    timeZone: "utc",
  });
  return (
    <VizRepeater
      {...{ width, height }}
      source={frames}
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderCounter={0}
      itemSpacing={3}
      autoGrid
      orientation={options.orientation || "auto"}
      renderValue={(each) => (
        <BigValue
          value={each.value.display}
          sparkline={each.value.sparkline}
          count={each.count}
          alignmentFactors={each.alignmentFactors}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          text={options.text}
          {...{ theme, width: each.width, height: each.height }}
        />
      )}
    />
  );
}

function Rows({ panel, frames, timeRange, width, height }) {
  return (
    <Table
      data={frames[0]}
      {...{ width, height, timeRange }}
      noHeader={!panel.options.showHeader}
      cellHeight={panel.options.cellHeight}
      initialSortBy={panel.options.sortBy}
    />
  );
}

/// <reference lib="dom" />
/** Runs in the report: draws the plots whose data stands in it. */

import type uPlotType from 'uplot';
import type { Plot } from './plots.js';

declare const uPlot: typeof uPlotType;

const LOGARITHMIC = 3;
const HEIGHT = 420;
const HUNDRED = 100;

function sizeText(bytes: number): string {
  if (bytes >= 2 ** 20) return `${bytes / 2 ** 20} MiB`;
  return bytes >= 2 ** 10 ? `${bytes / 2 ** 10} KiB` : `${bytes} B`;
}

/** `10` is 90 %, `100` is 99 %. */
function percentText(oneIn: number): string {
  const percent = HUNDRED - HUNDRED / oneIn;
  return `${Number(percent.toFixed(Math.max(0, Math.round(Math.log10(oneIn)) - 1)))} %`;
}

function numberText(value: number | null): string {
  if (value === null) return '–';
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

/** Ours in full colours, the others dashed. */
function seriesOf(plot: Plot): uPlotType.Series[] {
  const text = plot.x.means === 'bytes' ? sizeText : percentText;
  return [
    {
      label: plot.x.means === 'bytes' ? 'size' : 'percentile',
      value: (_plot, value) => (value ? text(value) : '–'),
    },
    ...plot.series.map(({ label, ours }, index) => ({
      label,
      stroke: `hsl(${(index * 360 * 0.618) % 360} ${ours ? 85 : 45}% ${ours ? 40 : 60}%)`,
      width: ours ? 2 : 1.5,
      ...(ours ? {} : { dash: [6, 4] }),
      points: { show: plot.x.means === 'bytes' },
      value: (_plot: uPlotType, value: number | null) => numberText(value),
    })),
  ];
}

function draw(plot: Plot, place: HTMLElement): void {
  const bytes = plot.x.means === 'bytes';
  const data = [plot.x.values, ...plot.series.map(({ y }) => y)] as uPlotType.AlignedData;
  const drawn = new uPlot(
    {
      title: plot.title,
      width: place.clientWidth,
      height: HEIGHT,
      scales: {
        x: { time: false, distr: LOGARITHMIC, log: bytes ? 2 : 10 },
        y: { distr: LOGARITHMIC, log: 10 },
      },
      axes: [
        {
          values: (_plot, splits) =>
            splits.map((split) => (split === null ? '' : bytes ? sizeText(split) : percentText(split))),
          ...(bytes
            ? {
                splits: () => plot.x.values,
                filter: (_plot: uPlotType, splits: number[]) => splits,
                size: 60,
              }
            : {}),
        },
        {
          label: plot.unit,
          values: (_plot, splits) => splits.map((split) => (split === null ? '' : numberText(split))),
          size: 70,
        },
      ],
      series: seriesOf(plot),
    },
    data,
    place,
  );
  addEventListener('resize', () => drawn.setSize({ width: place.clientWidth, height: HEIGHT }));
}

const plots = JSON.parse(document.getElementById('plots')?.textContent ?? '[]') as Plot[];
plots.forEach((plot, index) => {
  const place = document.getElementById(`plot-${index}`);
  if (place !== null) draw(plot, place);
});

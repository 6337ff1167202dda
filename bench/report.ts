import { cpus, release, totalmem } from 'node:os';

/** One comparison. `ratio` is `ours / baseline`; it is good when it is at most `goal`. */
export interface BenchRow {
  readonly name: string;
  readonly ours: number;
  readonly baseline: number;
  readonly unit: string;
  readonly ratio: number;
  readonly goal: number;
}

export interface BenchReport {
  readonly scenario: string;
  /** Processor, memory and versions. */
  readonly machine: string;
  readonly rows: readonly BenchRow[];
}

/** What every scenario takes; its module exports `run(options): Promise<BenchReport>`. */
export interface BenchOptions {
  /** Told what goes on, for a terminal. */
  readonly onProgress?: (line: string) => void;
}

/** This machine, and the versions that a scenario names. */
export function machine(...versions: readonly string[]): string {
  const [first] = cpus();
  const processor = `${cpus().length} x ${first?.model.trim() ?? 'unknown processor'}`;
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return [
    processor,
    memory,
    `${process.platform} ${release()}`,
    `Node ${process.versions.node}`,
    ...versions,
  ].join(', ');
}

export const row = (name: string, ours: number, baseline: number, unit: string, goal: number): BenchRow => ({
  name,
  ours: round(ours),
  baseline: round(baseline),
  unit,
  ratio: Math.round((ours / baseline) * 1000) / 1000,
  goal,
});

const round = (value: number): number => (value >= 100 ? Math.round(value) : Math.round(value * 10) / 10);

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

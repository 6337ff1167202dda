/** `npm run bench -- SCENARIO [--json]`: measures one scenario against its baseline, prints and stores the result. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../stack/root.js';
import type { BenchOptions, BenchReport, BenchRow } from './report.js';

const here = dirname(fileURLToPath(import.meta.url));
/** Files of this folder that are no scenarios. */
const OTHERS = ['main', 'report', 'no-op-steps'];

interface Scenario {
  run(options: BenchOptions): Promise<BenchReport>;
}

const scenarios = (): readonly string[] =>
  readdirSync(here)
    .filter((file) => /^[a-z-]+\.js$/.test(file))
    .map((file) => file.slice(0, -'.js'.length))
    .filter((name) => !OTHERS.includes(name));

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const [name, ...more] = args.filter((arg) => arg !== '--json');
  if (name === undefined || more.length > 0 || !scenarios().includes(name)) {
    console.error(`usage: npm run bench -- SCENARIO [--json]; scenarios: ${scenarios().join(', ')}`);
    return 64;
  }
  const scenario = (await import(`./${name}.js`)) as Scenario;
  const report = await scenario.run({ onProgress: (line) => console.error(line) });
  store(report);
  if (json) console.log(JSON.stringify(report));
  else for (const line of page(report)) console.log(line);
  return report.rows.every(({ ratio, goal }) => ratio <= goal) ? 0 : 1;
}

/** Results are kept with the command and the time, so that a later one can be compared. */
function store(report: BenchReport): void {
  const folder = join(root, 'bench', 'results');
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
  const kept = {
    command: `npm run bench -- ${report.scenario}`,
    measured: new Date().toISOString(),
    ...report,
  };
  writeFileSync(join(folder, `${report.scenario}.json`), `${JSON.stringify(kept, null, 2)}\n`);
}

function page({ scenario, machine, rows }: BenchReport): readonly string[] {
  const cells = (of: BenchRow): readonly string[] => [
    of.name,
    `${of.ours} ${of.unit}`,
    `${of.baseline} ${of.unit}`,
    of.ratio.toFixed(3),
    `${of.ratio <= of.goal ? 'reached' : 'MISSED'} (at most ${of.goal})`,
  ];
  const all = [['', 'ours', 'baseline', 'ratio', 'goal'], ...rows.map(cells)];
  const widths = all[0]?.map((_, i) => Math.max(...all.map((line) => (line[i] ?? '').length))) ?? [];
  return [
    `${scenario} on ${machine}`,
    ...all.map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  ];
}

process.exitCode = await main(process.argv.slice(2));

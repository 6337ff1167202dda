/** `npm run demo`: tells the acts on the real systems. */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { FlinkVersion } from '../stack/index.js';
import { actOne, type Stage } from './act-one.js';
import { narrator } from './narrator.js';

const HELP = `npm run demo -- [options]
  --flink 1.20|2.2   the Flink version (default 1.20)
  --json             print the result as one JSON line at the end, the story on standard error
  --keep             leave everything up and print the URLs; Ctrl-C ends it
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      flink: { type: 'string', default: '1.20' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.flink !== '1.20' && values.flink !== '2.2') {
    process.stderr.write(`expected --flink 1.20 or 2.2, found ${values.flink}\n${HELP}`);
    return 64;
  }
  const story = values.json ? process.stderr : process.stdout;
  const flink: FlinkVersion = values.flink;
  const stage = await actOne({ flink, narrator: narrator(story) });
  try {
    story.write(`\n${table(stage)}\n`);
    if (values.json) process.stdout.write(`${JSON.stringify(stage.report)}\n`);
    if (values.keep) await keep(stage, story);
    return verdict(stage);
  } finally {
    await stage.stack.stop();
  }
}

function table({ report, checks }: Stage): string {
  const table = new Table({
    head: ['windows', 'expected', 'counted', 'missing', 'wrong counts', 'wrong totals', 'repeated'],
    style: { head: [], border: [] },
  });
  const row = (c: Stage['checks']['counts']) => [
    c.expected,
    c.counted,
    c.missing,
    c.wrongCounts,
    c.wrongTotals,
    c.repeated,
  ];
  table.push(
    ['recovered by Holdfast', ...row(checks.counts)],
    ['started blank by somebody', ...row(checks.blank)],
  );
  const { seconds } = report;
  return [
    table.toString(),
    `restored ${report.restored}, the newest completed checkpoint was ${report.newestCompleted}`,
    `NameNode away ${seconds.nameNodeDown} s; usable to submitted ${seconds.readyToSubmitted} s, to running ${seconds.readyToRunning} s; all in all ${seconds.total} s`,
  ].join('\n');
}

/** The demo fails when a window is wrong, or when the blank start shows nothing to recover from. */
function verdict({ report }: Stage): number {
  const { missing, wrongCounts, wrongTotals, restored, newestCompleted, blank } = report;
  const right = missing + wrongCounts + wrongTotals === 0 && restored === newestCompleted;
  return right && blank.wrongTotals > 0 ? 0 : 1;
}

async function keep({ urls }: Stage, story: NodeJS.WriteStream): Promise<void> {
  story.write(
    `\neverything stays up; Ctrl-C ends it\n  case         ${urls.case ?? '-'}\n  Temporal UI  ${urls.temporalUi ?? '-'}\n  Flink        ${urls.flink}\n`,
  );
  await new Promise(() => setInterval(() => undefined, 60_000));
}

// Whatever ends this process, the stack's warden ends the stack.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

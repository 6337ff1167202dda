/** `npm run demo`: tells the acts on the real systems. */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { FlinkVersion } from '../stack/index.js';
import { actOne, type Stage } from './act-one.js';
import { actTwo, type StageTwo } from './act-two.js';
import { narrator } from './narrator.js';

const HELP = `npm run demo -- [options]
  --act 1|2          1: the NameNode is away, Flink gives up (default). 2: a DataNode dies, Flink is stuck
  --flink 1.20|2.2   the Flink version (default 1.20)
  --json             print the result as one JSON line at the end, the story on standard error
  --keep             leave everything up and print the URLs; Ctrl-C ends it
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      act: { type: 'string', default: '1' },
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
  if (values.act !== '1' && values.act !== '2') {
    process.stderr.write(`expected --act 1 or 2, found ${values.act}\n${HELP}`);
    return 64;
  }
  const story = values.json ? process.stderr : process.stdout;
  const flink: FlinkVersion = values.flink;
  const options = { flink, narrator: narrator(story) };
  const stage = await (values.act === '1' ? actOne(options) : actTwo(options));
  try {
    story.write(`\n${table(stage)}\n`);
    if (values.json) process.stdout.write(`${JSON.stringify(stage.report)}\n`);
    if (values.keep) await keep(stage, story);
    return verdict(stage);
  } finally {
    await stage.stack.stop();
  }
}

function table(stage: Stage | StageTwo): string {
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
  table.push(['recovered by Holdfast', ...row(stage.checks.counts)]);
  if (isActOne(stage)) table.push(['started blank by somebody', ...row(stage.checks.blank)]);
  const { restored, newestCompleted } = stage.report;
  return [
    table.toString(),
    `restored ${restored}, the newest completed checkpoint was ${newestCompleted}`,
    times(stage),
  ].join('\n');
}

function times(stage: Stage | StageTwo): string {
  if (isActOne(stage)) {
    const { seconds } = stage.report;
    return `NameNode away ${seconds.nameNodeDown} s; usable to submitted ${seconds.readyToSubmitted} s, to running ${seconds.readyToRunning} s; all in all ${seconds.total} s`;
  }
  const { seconds } = stage.report;
  return `DataNode away ${seconds.dataNodeDown} s; back to asked ${seconds.backToAsked} s; approved to running ${seconds.approvedToRunning} s; all in all ${seconds.total} s`;
}

const isActOne = (stage: Stage | StageTwo): stage is Stage => stage.report.act === 1;

/** The demo fails when a window is wrong, or when the blank start of act one shows nothing to recover from. */
function verdict(stage: Stage | StageTwo): number {
  const { missing, wrongCounts, wrongTotals, restored, newestCompleted } = stage.report;
  const right = missing + wrongCounts + wrongTotals === 0 && restored === newestCompleted;
  return right && (!isActOne(stage) || stage.report.blank.wrongTotals > 0) ? 0 : 1;
}

async function keep({ urls }: Stage | StageTwo, story: NodeJS.WriteStream): Promise<void> {
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

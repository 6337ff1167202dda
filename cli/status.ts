import pMap from 'p-map';
import { ClientError, caseLink, type CaseSummary, type HoldfastClient } from '../client/index.js';
import type { Config } from '../config/config.js';
import type { CaseStatus } from '../domain/case.js';
import { jobName, recoverId } from '../domain/ids.js';
import type { StandingHold } from '../domain/standing-hold.js';
import { attemptOf, casePage, paintPhase } from './case-page.js';
import { withClient } from './door.js';
import { watchLines } from './watch-page.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { follow } from './follow.js';
import type { CommonOptions } from './options.js';
import { table } from './table.js';
import { UsageError, type Terminal } from './terminal.js';
import { clock, lasting } from '../domain/words.js';

export interface StatusOptions extends CommonOptions {
  readonly watch?: boolean;
}

export async function status(
  job: string | undefined,
  options: StatusOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  if (job === undefined && options.watch === true)
    throw new UsageError('expected a job: holdfast status <job> --watch');
  return withClient(options, async (client, config) => {
    if (job === undefined) return overview(client, config, options, terminal);
    return options.watch === true
      ? keepShowing(client, config, job, options, terminal)
      : once(client, config, job, options, terminal);
  });
}

function show(status: CaseStatus, config: Config, options: StatusOptions, terminal: Terminal): void {
  const link = caseLink(config.temporal, `recover/${status.cluster}/${status.job}`);
  if (options.json === true) terminal.write(JSON.stringify({ ...status, link }));
  else for (const line of casePage(status, link, terminal, Date.now())) terminal.write(line);
}

async function once(
  client: HoldfastClient,
  config: Config,
  job: string,
  options: StatusOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  show(await client.status(job), config, options, terminal);
  return EXIT.done;
}

async function keepShowing(
  client: HoldfastClient,
  config: Config,
  job: string,
  options: StatusOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  let shown = '';
  for await (const seen of follow(client, job, { every: 2000, signal: terminal.signal })) {
    if (seen instanceof ClientError) {
      if (shown !== seen.message) terminal.note(seen.message);
      shown = seen.message;
      continue;
    }
    const content = JSON.stringify(seen);
    const fresh = terminal.screen && options.json !== true;
    if (!fresh && content === shown) continue;
    if (fresh) terminal.clear();
    show(seen, config, options, terminal);
    shown = content;
    if (seen.phase === 'closed') return EXIT.done;
  }
  return EXIT.done;
}

interface Row {
  readonly job: string;
  readonly cluster: string;
  /** The newest case; null: none is remembered. */
  readonly case: CaseSummary | null;
  readonly status: CaseStatus | null;
  /** A standing hold on the job or its cluster. */
  readonly hold: StandingHold | null;
}

async function overview(
  client: HoldfastClient,
  config: Config,
  options: StatusOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const cases = await client.cases({ limit: 1000 });
  const rows = await pMap(
    Object.entries(config.jobs),
    async ([job, { cluster }]): Promise<Row> => {
      const id = recoverId(cluster, jobName(job));
      const own = cases.filter((c) => c.workflowId === id);
      const newest = own.find((c) => c.state === 'open') ?? own[0] ?? null;
      const hold = await client.standingHold(cluster, job);
      if (newest?.state !== 'open') return { job, cluster, case: newest, status: null, hold };
      const answer = await client.status(job).catch((error: unknown) => {
        if (error instanceof ClientError) return null;
        throw error;
      });
      return { job, cluster, case: newest, status: answer, hold };
    },
    { concurrency: 10 },
  );
  const watches = await pMap(Object.keys(config.clusters), async (cluster) => ({
    cluster,
    watch: await client.watchOf(cluster),
  }));
  if (options.json === true) {
    terminal.write(JSON.stringify({ jobs: rows, watches }));
    return EXIT.done;
  }
  const now = Date.now();
  const cells = rows.map((row) => [
    row.job,
    row.cluster,
    stateOf(row, terminal),
    [detailOf(row, now), holdOf(row)].filter((text) => text !== '').join('; '),
    row.case?.link ?? '',
  ]);
  terminal.write(table(['job', 'cluster', 'case', '', ''], cells, terminal));
  for (const line of watchLines(watches, terminal, now)) terminal.write(line);
  return EXIT.done;
}

function stateOf({ case: newest, status }: Row, terminal: Terminal): string {
  if (newest === null) return 'none';
  if (newest.state !== 'open') return newest.state;
  if (status !== null) return paintPhase(status.phase, terminal);
  return `open${newest.phase === null ? '' : `, ${newest.phase}`} (no worker answers)`;
}

function detailOf({ case: newest, status }: Row, now: number): string {
  if (status !== null) {
    const waiting = status.waiting === null ? '' : `, waiting for ${status.waiting.for}`;
    return `${attemptOf(status)}, for ${lasting(now - status.since)}${waiting}`;
  }
  if (newest === null) return '';
  return newest.closedAt === null
    ? `opened ${lasting(now - newest.openedAt)} ago`
    : `${lasting(now - newest.closedAt)} ago`;
}

const holdOf = ({ hold }: Row): string =>
  hold === null ? '' : `held by ${hold.by} until ${clock(hold.until)} UTC: ${hold.reason}`;

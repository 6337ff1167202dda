/** "If it failed now, what would we restore?" for one job or all of them. */
import pMap from 'p-map';
import type { HoldfastClient } from '../client/index.js';
import type { LookReport } from '../domain/look.js';
import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { ladderLines, lookLines } from './look-page.js';
import type { CommonOptions } from './options.js';
import { UsageError, type Terminal } from './terminal.js';

/** Looks read whole checkpoints: not too many at the same time. */
const AT_ONCE = 4;

export async function look(
  job: string | undefined,
  options: CommonOptions & { readonly from?: string },
  terminal: Terminal,
): Promise<ExitCode> {
  if (options.from !== undefined)
    throw new UsageError('expected --dry-run without --from: to look at one point, use holdfast verify URI');
  return withClient(options, async (client, config) => {
    if (job !== undefined) {
      const report = await client.look(job);
      show([report], job, options, terminal);
      return exitOf(report);
    }
    const jobs = Object.keys(config.jobs);
    const reports = await pMap(jobs, (each) => client.look(each), { concurrency: AT_ONCE });
    show(reports, undefined, options, terminal);
    return worst(reports.map(exitOf));
  });
}

export async function ladder(job: string, options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  return withClient(options, async (client: HoldfastClient) => {
    const report = await client.look(job);
    if (options.json === true)
      terminal.write(
        JSON.stringify({ job, sound: report.sound, ladder: report.ladder, would: report.would }),
      );
    else for (const line of ladderLines(report, terminal)) terminal.write(line);
    return exitOf(report);
  });
}

function show(
  reports: readonly LookReport[],
  one: string | undefined,
  options: CommonOptions,
  terminal: Terminal,
): void {
  if (options.json === true) {
    terminal.write(JSON.stringify(one === undefined ? { looks: reports } : reports[0]));
    return;
  }
  const now = Date.now();
  for (const report of reports) for (const line of lookLines(report, terminal, now)) terminal.write(line);
}

/** 0: a sound rung; 1: none, or the recovery would be aborted; 2: something could not be looked at. */
function exitOf({ sound, would }: LookReport): ExitCode {
  if (would.is === 'unknown' || sound === null) return EXIT.unknown;
  return sound && would.is !== 'abort' ? EXIT.done : EXIT.no;
}

const worst = (codes: readonly ExitCode[]): ExitCode =>
  codes.includes(EXIT.no) ? EXIT.no : codes.includes(EXIT.unknown) ? EXIT.unknown : EXIT.done;

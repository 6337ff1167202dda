/** What the watch has found, below the list of jobs. */
import type { WatchView } from '../client/index.js';
import { NOTICES, type Severity } from '../domain/notice.js';
import type { Paint, Terminal } from './terminal.js';
import { lasting } from '../domain/words.js';

const COLOURS: Readonly<Record<Severity, Paint>> = { info: 'cyan', warning: 'yellow', critical: 'red' };
/** The watch reports every ten minutes at least; a last look that is older than this (milliseconds) is told. */
const SILENT = 15 * 60_000;

export interface ClusterWatch {
  readonly cluster: string;
  /** Null: the cluster was never watched. */
  readonly watch: WatchView | null;
}

/** @param now epoch milliseconds */
export function watchLines(
  watches: readonly ClusterWatch[],
  terminal: Terminal,
  now: number,
): readonly string[] {
  return watches.flatMap(({ cluster, watch }) => {
    if (watch === null)
      return [terminal.paint('yellow', `${cluster} is not watched: holdfast watch ${cluster}`)];
    const { lastLook, notices } = watch;
    const silent =
      lastLook === null
        ? [terminal.paint('yellow', `${cluster}: Flink has not answered the watch yet`)]
        : now - lastLook > SILENT
          ? [terminal.paint('red', `${cluster}: the watch has seen nothing for ${lasting(now - lastLook)}`)]
          : [];
    const lines = notices.flatMap(({ job, kind, since, summary }) => [
      `${terminal.paint(COLOURS[NOTICES[kind].severity], kind)} ${job}, for ${lasting(now - since)}: ${summary}`,
      `  ${NOTICES[kind].person}`,
    ]);
    return [...silent, ...lines];
  });
}

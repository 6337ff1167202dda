import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startStack, type StackEvent } from '../../stack/index.js';

describe('a stack that cannot start', () => {
  it('says which server ended and why, keeps the logs, and leaves nothing else behind', async () => {
    const events: StackEvent[] = [];
    const failure = await startStack({
      label: 'test',
      zooKeepers: 0,
      nameNodes: 0,
      kafka: false,
      flinkSettings: { haStorage: 'file', checkpoints: 'file', options: { 'rest.port': 'nowhere' } },
      onEvent: (event) => events.push(event),
    }).catch((error: unknown) => error as Error);
    if (!(failure instanceof Error)) {
      await failure.stop();
      throw new Error('it did start');
    }
    expect(failure.message).toMatch(/(job|task)manager answers: it has ended \(exit code \d+.*nowhere/s);
    const logs = /logs: ([^)]+)\)/.exec(failure.message)?.[1] ?? '';
    // Both read the same bad option; which of them got to say so depends on who was first.
    const kept = ['jobmanager', 'taskmanager'].map((name) => readFileSync(join(logs, `${name}.log`), 'utf8'));
    expect(kept.join('\n')).toContain('nowhere');
    rmSync(logs, { recursive: true });

    const started = events.filter(({ kind }) => kind === 'starting').map(({ pid }) => pid);
    expect(started).toHaveLength(2);
    expect(started.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startTemporal, type TemporalOptions, type TemporalSystem } from '../../stack/temporal.js';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(options: TemporalOptions = {}): Promise<TemporalSystem> {
  const temporal = await startTemporal(options);
  undo.push(() => temporal.close());
  return temporal;
}

async function connect(address: string): Promise<Client> {
  const connection = await Connection.connect({ address });
  undo.push(() => connection.close());
  return new Client({ connection });
}

const startOne = (client: Client, workflowId: string): Promise<unknown> =>
  client.workflow.start('nobody', { workflowId, taskQueue: 'nobody' });

describe('the Temporal dev server', () => {
  it('takes a workflow the moment it is started, and shows its web UI', async () => {
    const { address, ui } = await start();
    await startOne(await connect(address), 'first');
    const page = await fetch(ui ?? '');
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<html');
  });

  it('has no web UI when none is wanted', async () => {
    expect((await start({ ui: false })).ui).toBeUndefined();
  });

  it('registers search attributes and namespaces at start', async () => {
    const { address } = await start({
      ui: false,
      namespaces: ['other'],
      searchAttributes: { HoldfastPhase: 'Keyword' },
    });
    const { connection } = await connect(address);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    expect(Object.keys(customAttributes)).toContain('HoldfastPhase');
    const { namespaces } = await connection.workflowService.listNamespaces({});
    expect(namespaces.map(({ namespaceInfo }) => namespaceInfo?.name)).toContain('other');
  });

  it('keeps every started workflow in its database when it is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-temporal-test-'));
    undo.push(() => rmSync(folder, { recursive: true }));
    const { address, server } = await start({ ui: false, database: join(folder, 'deep', 'temporal.db') });
    await startOne(await connect(address), 'kept');
    await server?.kill();
    await server?.start();
    const again = await connect(address);
    expect((await again.workflow.getHandle('kept').describe()).status.name).toBe('RUNNING');
  });

  it('refuses a port on which somebody else would answer', async () => {
    const { address } = await start({ ui: false });
    const port = Number(address.split(':')[1]);
    await expect(start({ ui: false, port })).rejects.toThrow(
      `port ${port} on 127.0.0.1, wanted for Temporal, is in use`,
    );
  });

  it('says why it did not start, in the words of the server', async () => {
    await expect(start({ ui: false, dynamicConfig: { 'no key=': 1 } })).rejects.toThrow(
      /temporal answers: it has ended \(exit code 1.*dynamic config/is,
    );
  });

  it('starts nothing and uses the given server with TEMPORAL_ADDRESS', async () => {
    const { address } = await start({ ui: false });
    vi.stubEnv('TEMPORAL_ADDRESS', address);
    expect(await start()).toMatchObject({ address, server: undefined });
  });

  it('does not look further when TEMPORAL_CLI names no file', async () => {
    vi.stubEnv('TEMPORAL_CLI', '/no/such/temporal');
    await expect(start()).rejects.toThrow('TEMPORAL_CLI is /no/such/temporal, but there is no such file');
  });
});

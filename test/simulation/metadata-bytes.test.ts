import { expect, test } from 'vitest';
import { referencedFiles } from '../../formats/files.js';
import { kafkaPositions } from '../../formats/kafka-positions.js';
import { readMetadata } from '../../formats/metadata.js';
import { metadataBytes } from './metadata-bytes.js';

test('writes metadata that the real reader reads to its exact end', async () => {
  const directory = 'hdfs://prod/flink/checkpoints/x/chk-7';
  const bytes = metadataBytes({
    checkpointId: 7,
    topic: 'events',
    positions: [12, 3_000_000_000],
    files: [
      { path: `${directory}/state`, length: 100 },
      { path: 'hdfs://prod/flink/checkpoints/x/shared/1', length: 200 },
    ],
  });
  const snapshot = readMetadata(bytes, directory);
  expect(snapshot.trailingBytes).toBe(0);
  expect(Number(snapshot.checkpointId)).toBe(7);
  expect(referencedFiles(snapshot).map((f) => [f.path, Number(f.size)])).toEqual([
    [`${directory}/state`, 100],
    ['hdfs://prod/flink/checkpoints/x/shared/1', 200],
  ]);
  const { positions } = await kafkaPositions(snapshot, () => Promise.reject(new Error('all is inline')));
  expect(positions.map((p) => p.next)).toEqual(['12', '3000000000']);
});

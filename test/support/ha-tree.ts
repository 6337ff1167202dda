import { JuteWriter } from './jute.js';

/** The bytes of a checkpoint node as Flink 1.2 to 2.x writes them (format notes, 2.2). */
export function checkpointPointer(path: string, size: number): Buffer {
  const head = Buffer.from(
    'aced00057372003b6f72672e6170616368652e666c696e6b2e72756e74696d652e73746174652e52657472696576' +
      '61626c6553747265616d537461746548616e646c6500011e18f155972b0200014c0018777261707065645374726561' +
      '6d537461746548616e646c657400324c6f72672f6170616368652f666c696e6b2f72756e74696d652f73746174652f' +
      '53747265616d537461746548616e646c653b7870737200396f72672e6170616368652e666c696e6b2e72756e74696d' +
      '652e73746174652e66696c6573797374656d2e46696c65537461746548616e646c6504dc75d862bd1bb30200024a00' +
      '09737461746553697a654c000866696c655061746874001f4c6f72672f6170616368652f666c696e6b2f636f72652f' +
      '66732f506174683b7870',
    'hex',
  );
  const middle = Buffer.from(
    '7372001d6f72672e6170616368652e666c696e6b2e636f72652e66732e5061746800000000000000010200014c0003' +
      '75726974000e4c6a6176612f6e65742f5552493b78707372000c6a6176612e6e65742e555249ac01782e439e49ab03' +
      '00014c0006737472696e677400124c6a6176612f6c616e672f537472696e673b787074',
    'hex',
  );
  const length = Buffer.alloc(8);
  length.writeBigInt64BE(BigInt(size));
  const text = Buffer.from(path);
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(text.length);
  return Buffer.concat([head, length, middle, prefix, text, Buffer.from([0x78])]);
}

/** The bytes of a leader node: a block with the address, then the session's UUID. */
export function leaderInformation(address: string): Buffer {
  const text = Buffer.from(address);
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(text.length);
  const uuid = Buffer.from(
    '7372000e6a6176612e7574696c2e55554944bc9903f7986d852f0200024a000c6c65617374536967426974734a000b' +
      '6d6f7374536967426974737870' +
      '8a1b2c3d4e5f60718123456789abcdef',
    'hex',
  );
  return Buffer.concat([
    Buffer.from('aced0005', 'hex'),
    Buffer.from([0x77, text.length + 2]),
    prefix,
    text,
    uuid,
  ]);
}

/** A checkpoint id counter. */
export function counter(next: number): Buffer {
  return new JuteWriter().int(next).frame().subarray(4);
}

/** A checkpoint id as the name of its node. */
export const nodeName = (id: number): string => String(id).padStart(19, '0');

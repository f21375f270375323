/** Splits bytes into lines, several at a time. A line longer than `maxBytes` ends the reading with an error. The last may lack its line end. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const data = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
    const lines: string[] = [];
    let from = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
      if (end - from > maxBytes) throw new Error(`a line of more than ${maxBytes} bytes`);
      lines.push(data.toString('utf8', from, end));
      from = end + 1;
    }
    rest = Buffer.from(data.subarray(from));
    if (rest.length > maxBytes) throw new Error(`a line of more than ${maxBytes} bytes`);
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [rest.toString('utf8')];
}

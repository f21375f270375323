import { patternMaxDepth } from './limits.ts';
import { PatternError, type PatternFault, type Token, tokenise } from './stix-tokens.ts';

/** `path` is `domain-name:value`, with quotes and list steps as `[*]` or `[n]`. */
export type Comparison = {
  readonly path: string;
  readonly operator: string;
  readonly negated: boolean;
  readonly values: readonly string[];
};
export type Expression =
  | { readonly kind: 'comparison'; readonly comparison: Comparison }
  | { readonly kind: 'and' | 'or' | 'followed'; readonly parts: readonly Expression[] }
  /** `[…]`, with `WITHIN`, `REPEATS` or `START … STOP` behind it. */
  | { readonly kind: 'observed'; readonly inner: Expression; readonly qualified: boolean };
export type ParsedPattern = { readonly ok: true; readonly expression: Expression } | { readonly ok: false; readonly fault: PatternFault };

/** Reads a STIX 2 pattern. Linear in its length; depth and number of parts are bounded. Never throws. */
export function parsePattern(pattern: string): ParsedPattern {
  try {
    const reader = new Reader(tokenise(pattern));
    return { ok: true, expression: reader.whole() };
  } catch (error) {
    if (error instanceof PatternError) return { ok: false, fault: error.fault };
    throw error;
  }
}

const comparators = new Set(['=', '==', '!=', '<>', '<', '>', '<=', '>=']);
const wordComparators = new Set(['LIKE', 'MATCHES', 'ISSUBSET', 'ISSUPERSET']);

class Reader {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#observations();
    if (this.#peek().kind !== 'end') this.#fail(`${this.#peek().text} is too much here`);
    return expression;
  }

  #observations(): Expression {
    return this.#chain('followed', 'FOLLOWEDBY', () => this.#chain('or', 'OR', () => this.#chain('and', 'AND', () => this.#observation())));
  }

  #observation(): Expression {
    const grouped = this.#takes('(');
    if (!grouped) this.#expect('[');
    const inner = this.#deeper(() => (grouped ? this.#observations() : this.#comparisons()));
    this.#expect(grouped ? ')' : ']');
    const qualified = this.#qualifiers();
    return grouped && !qualified ? inner : { kind: 'observed', inner, qualified };
  }

  #qualifiers(): boolean {
    let found = false;
    for (;;) {
      const word = this.#word();
      if (word !== 'WITHIN' && word !== 'REPEATS' && word !== 'START') return found;
      found = true;
      this.#take();
      if (word === 'START') {
        this.#kind('time', 'string');
        if (this.#word() !== 'STOP') this.#fail('STOP is missing');
        this.#take();
        this.#kind('time', 'string');
      } else {
        this.#kind('number');
        const unit = word === 'WITHIN' ? 'SECONDS' : 'TIMES';
        if (this.#word() !== unit) this.#fail(`${unit} is missing`);
        this.#take();
      }
    }
  }

  #comparisons(): Expression {
    return this.#chain('or', 'OR', () => this.#chain('and', 'AND', () => this.#comparison()));
  }

  #comparison(): Expression {
    if (this.#takes('(')) {
      const inner = this.#deeper(() => this.#comparisons());
      this.#expect(')');
      return inner;
    }
    let negated = this.#takesWord('NOT');
    if (this.#takesWord('EXISTS')) {
      return { kind: 'comparison', comparison: { path: this.#path(), operator: 'EXISTS', negated, values: [] } };
    }
    const path = this.#path();
    if (this.#takesWord('NOT')) negated = !negated;
    const word = this.#word();
    if (word === 'IN') {
      this.#take();
      this.#expect('(');
      const values = [this.#value()];
      while (this.#takes(',')) values.push(this.#value());
      this.#expect(')');
      return { kind: 'comparison', comparison: { path, operator: 'IN', negated, values } };
    }
    const operator = this.#peek();
    if (!(operator.kind === 'sign' && comparators.has(operator.text)) && !(word !== undefined && wordComparators.has(word)))
      this.#fail('a comparison such as = is missing');
    this.#take();
    const normal = operator.text === '==' ? '=' : operator.text === '<>' ? '!=' : (word ?? operator.text);
    return { kind: 'comparison', comparison: { path, operator: normal, negated, values: [this.#value()] } };
  }

  /** `type:step.step[0].'quoted step'`. */
  #path(): string {
    let path = this.#kind('word').text;
    this.#expect(':');
    path += `:${this.#kind('word', 'string').text}`;
    for (;;) {
      if (this.#takes('.')) path += `.${this.#kind('word', 'string', 'number').text}`;
      else if (this.#peek().kind === 'sign' && this.#peek().text === '[') {
        this.#take();
        path += `[${this.#takes('*') ? '*' : this.#kind('number').text}]`;
        this.#expect(']');
      } else return path;
    }
  }

  #value(): string {
    const token = this.#peek();
    if (token.kind === 'word' && token.text !== 'true' && token.text !== 'false') this.#fail('a value is missing here');
    return this.#kind('string', 'number', 'time', 'bytes', 'word').text;
  }

  #chain(kind: 'and' | 'or' | 'followed', joint: string, part: () => Expression): Expression {
    const first = part();
    if (this.#word() !== joint) return first;
    const parts = [first];
    while (this.#takesWord(joint)) parts.push(part());
    return { kind, parts };
  }

  #deeper(read: () => Expression): Expression {
    if (++this.#depth > patternMaxDepth) this.#fail(`the pattern is nested deeper than ${patternMaxDepth} levels`);
    const inner = read();
    this.#depth--;
    return inner;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: 0 };
  }
  #take(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#next++;
    return token;
  }
  #word(): string | undefined {
    const token = this.#peek();
    return token.kind === 'word' ? token.text : undefined;
  }
  #takes(sign: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'sign' || token.text !== sign) return false;
    this.#take();
    return true;
  }
  #takesWord(word: string): boolean {
    if (this.#word() !== word) return false;
    this.#take();
    return true;
  }
  #expect(sign: string): void {
    if (!this.#takes(sign)) this.#fail(`${sign} is missing`);
  }
  #kind(...kinds: Token['kind'][]): Token {
    if (!kinds.includes(this.#peek().kind)) this.#fail(`a ${kinds[0]} is missing`);
    return this.#take();
  }
  #fail(message: string): never {
    throw new PatternError(this.#peek().at, message);
  }
}

/** The package has no types of its own. Only what is used here. */
declare module 'html-to-text' {
  export type Selector = { readonly selector: string; readonly format?: string; readonly options?: Readonly<Record<string, unknown>> };
  export type Options = {
    readonly wordwrap?: false | number;
    readonly limits?: {
      readonly maxDepth?: number;
      readonly maxChildNodes?: number;
      readonly maxInputLength?: number;
      readonly ellipsis?: string;
    };
    readonly selectors?: readonly Selector[];
  };
  export function convert(html: string, options?: Options): string;
}

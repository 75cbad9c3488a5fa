import { Component, type ReactNode, type RefObject } from "react";

interface KeepPlaceProps {
  readonly scroller: RefObject<HTMLElement | null>;
  /** The id of the first thing in the list. */
  readonly first: number | undefined;
  readonly children: ReactNode;
}

interface Anchor {
  readonly element: Element;
  readonly top: number;
}

/** Keeps what one reads where it is when things come in above it. A class, because only those see the page before. */
export class KeepPlace extends Component<KeepPlaceProps> {
  override getSnapshotBeforeUpdate({ first }: KeepPlaceProps): Anchor | null {
    const element = this.props.scroller.current?.querySelector(`[data-message="${first}"]`);
    const isPrepended = first !== undefined && this.props.first !== undefined && this.props.first < first;
    return isPrepended && element ? { element, top: element.getBoundingClientRect().top } : null;
  }

  override componentDidUpdate(_props: KeepPlaceProps, _state: unknown, anchor: Anchor | null): void {
    const { current } = this.props.scroller;
    if (anchor && current) {
      current.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    }
  }

  override render(): ReactNode {
    return this.props.children;
  }
}

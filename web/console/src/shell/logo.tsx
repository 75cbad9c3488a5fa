import icon from "../icon.svg";

/** The mark of the project; decoration, so it has no name of its own. */
export function Logo({ size }: { readonly size: number }) {
  return <img src={icon} width={size} height={size} alt="" />;
}

import { Table } from "@mantine/core";
import { clockOf, textOf, type Unit } from "./quantities";
import { type Columns, stepsOf } from "./readings";
import { ScrollRegion } from "./scroll-region";
import classes from "./tables.module.css";

/** Seconds of a row. */
const STEP = 10;

interface StepTableProps {
  readonly name: string;
  readonly unit: Unit;
  readonly names: readonly string[];
  readonly columns: Columns;
}

/** The numbers of a plot: means of ten seconds, the newest first. */
export function StepTable({ name, unit, names, columns }: StepTableProps) {
  return (
    <ScrollRegion size="plot" name={`${name} as a table`}>
      <Table stickyHeader verticalSpacing={2} className={classes["numbers"] ?? ""}>
        <Table.Caption className="visually-hidden">{name}, means of ten seconds, the newest first</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">From</Table.Th>
            {names.map((one) => (
              <Table.Th key={one} scope="col">
                {one}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {stepsOf(columns, STEP).map(({ time, means }) => (
            <Table.Tr key={time}>
              <Table.Th scope="row">{clockOf(time * 1000)}</Table.Th>
              {names.map((one, index) => (
                <Table.Td key={one}>{textOf(means[index], unit)}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollRegion>
  );
}

using System.Globalization;

namespace Exapyte.Silo.Inspection;

/// <summary>An inspection for people: a few lines and two tables, columns as wide as they must be.</summary>
internal static class InspectionTables
{
    public static void Write(TextWriter output, InspectionDocument found)
    {
        output.WriteLine($"node       {found.Node ?? "unreadable"}");
        output.WriteLine($"store id   {found.StoreId ?? "unreadable"}");
        output.WriteLine($"documents  {found.Documents}");
        output.WriteLine();
        Table(
            output,
            ["segment", "bytes", "batches", "live entries", "live bytes"],
            found.Segments.Select(s => Cells(s.Number, s.Bytes, s.Batches, s.LiveEntries, s.LiveBytes))
        );
        output.WriteLine();
        Table(
            output,
            [
                "replica",
                "keyspace",
                "shard",
                "kind",
                "first",
                "last",
                "term",
                "vote",
                "commit",
                "compacted",
                "applied",
                "rows",
            ],
            found.Replicas.Select(r =>
                Cells(
                    r.Replica,
                    r.Keyspace,
                    r.Shard,
                    r.Kind,
                    r.FirstIndex,
                    r.LastIndex,
                    r.Term,
                    r.Vote,
                    r.Commit,
                    r.Compacted,
                    r.Applied,
                    r.Rows
                )
            )
        );
        WriteFindings(output, found);
    }

    private static void WriteFindings(TextWriter output, InspectionDocument found)
    {
        output.WriteLine();
        foreach (ReplicaRow replica in found.Replicas.Where(r => r.Quarantined is not null))
            output.WriteLine($"quarantined: replica {replica.Replica}: {replica.Quarantined}");
        foreach (DamageRow damage in found.Damage)
            output.WriteLine($"damaged: {damage.File}{At(damage.Offset)}: {damage.Reason}");
        if (found.TornTail is { } tail)
            output.WriteLine(
                $"torn tail: {tail.File}{At(tail.Offset)}, {tail.Bytes} bytes: cut short by the end of the process, never acknowledged"
            );
        output.WriteLine(found.IsWhole ? "whole" : $"damaged in {found.Damage.Length} places");
    }

    private static string At(long? offset) => offset is null ? "" : $" at {offset}";

    private static string[] Cells(params object?[] cells) =>
        [
            .. cells.Select(cell =>
                Convert.ToString(cell, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : "-"
            ),
        ];

    private static void Table(TextWriter output, string[] head, IEnumerable<string[]> rows)
    {
        string[][] all = [head, .. rows];
        int[] widths = [.. head.Select((_, column) => all.Max(row => row[column].Length))];
        foreach (string[] row in all)
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadLeft(widths[column]))));
    }
}

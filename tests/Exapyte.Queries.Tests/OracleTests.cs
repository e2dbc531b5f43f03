using System.Text.Json;
using CsCheck;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Tests;

/// <summary>Whatever expression over whatever document: the evaluator agrees with a second, plain one.</summary>
public sealed class OracleTests
{
    [Fact]
    public void Random_expressions_mean_what_the_oracle_says()
    {
        long known = 0;
        Gen.Int.Sample(
            seed =>
            {
                var oracle = new Oracle(new Random(seed));
                var document = oracle.Document();
                var (text, means) = oracle.Expression();
                using var parsed = JsonDocument.Parse(document);
                var expected = means(parsed.RootElement);
                var actual = Evaluated.With(Evaluated.Entry(document), text);
                Assert.True(Same(expected, actual), $"{document}\n{text}\nexpected {Shown(expected)}, was {actual}");
                if (expected != Oracle.Unknown)
                {
                    Interlocked.Increment(ref known);
                }
            },
            iter: 20_000
        );
        Assert.True(known > 5_000, $"Only {known} of 20,000 expressions had a value: the generator says too little.");
    }

    static bool Same(object expected, in Value actual) =>
        expected switch
        {
            _ when expected == Oracle.Unknown => actual.IsUnknown,
            _ when expected == Oracle.Null => actual.Kind == ValueKind.Null,
            bool value => actual.Kind == ValueKind.Bool && actual.IsTrue == value,
            long value => actual.Kind == ValueKind.Int && actual.Int == value,
            double value => actual.Kind == ValueKind.Double && actual.Double.Equals(value),
            string value => actual.Kind == ValueKind.String && actual.Text == value,
            List<object> => actual.Kind == ValueKind.List,
            _ => actual.Kind == ValueKind.Object,
        };

    static string Shown(object value) =>
        value == Oracle.Unknown ? "unknown"
        : value == Oracle.Null ? "null"
        : $"{value} ({value.GetType().Name})";
}

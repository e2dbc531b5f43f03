using System.Globalization;
using System.Text.Json;
using Bogus;

namespace Exapyte.Grains.Tests.Indexes;

/// <summary>
/// Documents as people have them, some with members that are missing, null or of another type, and filters over them with what
/// they mean, computed over the values themselves: neither the parser nor the evaluator has a part in it.
/// </summary>
internal sealed class GeneratedPeople(int seed)
{
    /// <summary>What is not there.</summary>
    private static readonly object Missing = new();

    private static readonly string[] Members = ["city", "age", "score", "active", "zip"];
    private static readonly string[] Cities = ["Bonn", "Berlin", "Bern", "Ulm", "Köln", "", "Bo\0nn", new('B', 140)];

    private readonly Faker faker = new() { Random = new(seed) };

    /// <summary>A document and its members.</summary>
    public (string Json, IReadOnlyDictionary<string, object> Values) Person()
    {
        Dictionary<string, object> values = new()
        {
            ["city"] = Odd(() => faker.PickRandom(Cities)),
            ["age"] = Odd(() => (long)faker.Random.Int(0, 30)),
            ["score"] = Odd(() => faker.Random.Int(0, 20) / 4.0),
            ["active"] = Odd(() => faker.Random.Bool()),
            ["zip"] = Odd(() => faker.Random.Int(53_000, 53_020).ToString(CultureInfo.InvariantCulture)),
        };
        var address = values["zip"] == Missing ? "" : $$"""{"zip":{{Literal(values["zip"])}}}""";
        var members = Members
            .Where(name => name != "zip" && values[name] != Missing)
            .Select(name => $"\"{name}\":{Literal(values[name])}")
            .Append(address.Length == 0 ? "" : $"\"address\":{address}")
            .Append($"\"name\":{JsonSerializer.Serialize(faker.Name.FullName())}")
            .Where(member => member.Length > 0);
        return ("{" + string.Join(',', members) + "}", values);
    }

    /// <summary>A filter and whether it is true of a document.</summary>
    public (string Text, Func<IReadOnlyDictionary<string, object>, bool> IsTrue) Filter()
    {
        var terms = Enumerable.Range(0, faker.Random.Int(1, 3)).Select(_ => Term()).ToArray();
        return (
            string.Join(" && ", terms.Select(term => term.Text)),
            person => Array.TrueForAll(terms, term => term.Means(person) == true)
        );
    }

    private (string Text, Func<IReadOnlyDictionary<string, object>, bool?> Means) Term()
    {
        var name = faker.PickRandom(Members);
        var path = name == "zip" ? "doc.address.zip" : $"doc.{name}";
        var value = Value(name);
        switch (faker.Random.Int(0, 7))
        {
            case 0 or 1:
                return ($"{path} == {Literal(value)}", person => AreEqual(person[name], value));
            case 2:
                object[] values = [.. Enumerable.Range(0, faker.Random.Int(0, 4)).Select(_ => Value(name))];
                return (
                    $"{path} in [{string.Join(", ", values.Select(Literal))}]",
                    person =>
                        person[name] == Missing
                            ? null
                            : Array.Exists(values, item => AreEqual(person[name], item) == true)
                );
            case 3:
                var beginning = faker.PickRandom("B", "Be", "53", "", new string('B', 130));
                return (
                    $"{path}.startsWith({JsonSerializer.Serialize(beginning)})",
                    person => person[name] is string text ? text.StartsWith(beginning, StringComparison.Ordinal) : null
                );
            case 4:
                return ($"!({path} == {Literal(value)})", person => !AreEqual(person[name], value));
            default:
                var sign = faker.PickRandom("<", "<=", ">", ">=");
                return ($"{path} {sign} {Literal(value)}", person => Holds(sign, Order(person[name], value)));
        }
    }

    private object Value(string name) =>
        faker.Random.Int(0, 9) == 0
            ? OtherType()
            : name switch
            {
                "city" => faker.PickRandom(Cities),
                "age" when faker.Random.Bool() => faker.Random.Int(0, 60) / 2.0,
                "age" => (long)faker.Random.Int(-1, 31),
                "score" => faker.Random.Int(0, 20) / 4.0,
                "active" => faker.Random.Bool(),
                _ => faker.Random.Int(53_000, 53_020).ToString(CultureInfo.InvariantCulture),
            };

    private object Odd<T>(Func<T> usual)
        where T : notnull =>
        faker.Random.Int(0, 9) switch
        {
            0 => Missing,
            1 => OtherType(),
            _ => usual(),
        };

    private object OtherType() => faker.PickRandom<object>(DBNull.Value, 7L, 7.5, true, "7", "Bern");

    private static string Literal(object value) =>
        value switch
        {
            DBNull => "null",
            bool flag => flag ? "true" : "false",
            long whole => whole.ToString(CultureInfo.InvariantCulture),
            double number => number.ToString("0.0##", CultureInfo.InvariantCulture),
            _ => JsonSerializer.Serialize((string)value),
        };

    private static bool? AreEqual(object left, object right) =>
        left == Missing ? null
        : IsNumber(left) && IsNumber(right) ? Number(left) == Number(right)
        : left.Equals(right);

    private static int? Order(object left, object right) =>
        IsNumber(left) && IsNumber(right) ? Number(left).CompareTo(Number(right))
        : left is string mine && right is string theirs ? string.CompareOrdinal(mine, theirs)
        : left is bool flag && right is bool other ? flag.CompareTo(other)
        : null;

    private static bool? Holds(string sign, int? order) =>
        order is null ? null
        : sign[0] == '<' ? order < 0 || (sign.Length == 2 && order == 0)
        : order > 0 || (sign.Length == 2 && order == 0);

    private static bool IsNumber(object value) => value is long or double;

    private static double Number(object value) => value is long whole ? whole : (double)value;
}

using System.Collections;
using System.Reflection;

namespace Exapyte.Grains.Interfaces.Tests;

/// <summary>Objects of any wire type with every member set to something that is not its default, and their comparison.</summary>
internal static class Sample
{
    public static object Of(Type type, ref int seed)
    {
        seed++;
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return Of(underlying, ref seed);
        }
        if (type.IsEnum)
        {
            var values = Enum.GetValues(type);
            return values.GetValue(values.Length - 1)!;
        }
        if (type.IsArray)
        {
            var array = Array.CreateInstance(type.GetElementType()!, 2);
            array.SetValue(Of(type.GetElementType()!, ref seed), 0);
            array.SetValue(Of(type.GetElementType()!, ref seed), 1);
            return array;
        }
        return Simple(type, seed) ?? Composed(type, ref seed);
    }

    /// <summary>The members that cross the wire.</summary>
    public static IEnumerable<PropertyInfo> Members(Type type) =>
        type.GetProperties().Where(property => property.IsDefined(typeof(IdAttribute), inherit: true));

    public static void AssertEqual(object? expected, object? actual, string path)
    {
        switch (expected)
        {
            case null:
                Assert.Null(actual);
                break;
            case ReadOnlyMemory<byte> bytes:
                Assert.True(bytes.Span.SequenceEqual(Assert.IsType<ReadOnlyMemory<byte>>(actual).Span), path);
                break;
            case Array items:
                var others = Assert.IsAssignableFrom<IList>(actual);
                Assert.Equal(items.Length, others.Count);
                for (var i = 0; i < items.Length; i++)
                {
                    AssertEqual(items.GetValue(i), others[i], $"{path}[{i}]");
                }
                break;
            default:
                Assert.NotNull(actual);
                if (expected.GetType().Assembly != typeof(Wire.IMapGrain).Assembly || expected is Enum)
                {
                    Assert.True(expected.Equals(actual), $"{path}: {expected} became {actual}");
                    break;
                }
                foreach (var member in Members(expected.GetType()))
                {
                    AssertEqual(member.GetValue(expected), member.GetValue(actual), $"{path}.{member.Name}");
                }
                break;
        }
    }

    private static object? Simple(Type type, int seed) =>
        Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean => true,
            TypeCode.Int32 => seed,
            TypeCode.Int64 => (long)seed << 33,
            TypeCode.UInt64 => (ulong)seed << 40,
            TypeCode.String => $"text {seed}",
            _ => type == typeof(ReadOnlyMemory<byte>) ? new ReadOnlyMemory<byte>([(byte)seed, 0, 255]) : (object?)null,
        };

    private static object Composed(Type type, ref int seed)
    {
        var constructor = type.GetConstructors().MinBy(candidate => candidate.GetParameters().Length);
        var arguments = new List<object>();
        foreach (var parameter in constructor?.GetParameters() ?? [])
        {
            arguments.Add(Of(parameter.ParameterType, ref seed));
        }
        var made = constructor?.Invoke([.. arguments]) ?? Activator.CreateInstance(type)!;
        foreach (var member in Members(type).Where(member => member.CanWrite))
        {
            member.SetValue(made, Of(member.PropertyType, ref seed));
        }
        return made;
    }
}

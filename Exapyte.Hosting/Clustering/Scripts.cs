using System.Reflection;

namespace Exapyte.Hosting.Clustering;

/// <summary>
/// The SQL of this house, embedded in the assembly. Orleans' packages hold none: they read every statement from the
/// table <c>OrleansQuery</c> by key, and bind parameters by name. Scripts may be applied again at each start.
/// </summary>
internal static class Scripts
{
    /// <summary>The statements that grain storage asks for.</summary>
    public const string Persistence = "persistence";

    /// <summary>The nine statements that the membership table and the gateway list ask for.</summary>
    public const string Membership = "membership";

    /// <summary>Applies the scripts of control state, and of the membership where the node is not alone.</summary>
    public static async Task ApplyAsync(ClusterDatabase database, bool isAlone, CancellationToken cancellationToken)
    {
        string persistence = Load(database, Persistence);
        await database.ApplyAsync(
            isAlone ? [persistence] : [Load(database, Membership), persistence],
            cancellationToken
        );
        database.IsSetUp = true;
    }

    private static string Load(ClusterDatabase database, string name)
    {
        string resource = $"Exapyte.Hosting.Clustering.Sql.{database.ScriptPrefix}-{name}.sql";
        using Stream stream =
            Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly lacks {resource}.");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}

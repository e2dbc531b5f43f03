using System.Reflection;

namespace Exapyte.Silo.Clustering;

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

    public static Task ApplyPersistenceAsync(ClusterDatabase database, CancellationToken cancellationToken) =>
        database.ApplyAsync([Load(database, Persistence)], cancellationToken);

    public static Task ApplyAllAsync(ClusterDatabase database, CancellationToken cancellationToken) =>
        database.ApplyAsync([Load(database, Membership), Load(database, Persistence)], cancellationToken);

    private static string Load(ClusterDatabase database, string name)
    {
        string resource = $"Exapyte.Silo.Clustering.Sql.{database.ScriptPrefix}-{name}.sql";
        using Stream stream =
            Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly lacks {resource}.");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}

namespace Exapyte.Hosting;

/// <summary>How a node finds the others, and where control state is kept.</summary>
public enum ExapyteClustering
{
    /// <summary>The node is alone. Control state lies in <c>control.db</c> in its data folder.</summary>
    None,

    /// <summary>Several processes of one machine share a SQLite file on a local disk.</summary>
    Sqlite,

    /// <summary>Nodes on several machines share a PostgreSQL database.</summary>
    Postgres,
}

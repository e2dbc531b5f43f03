namespace Exapyte.Raft;

/// <summary>What a member does in its role. A role lives from one transition to the next and then is dropped.</summary>
abstract class Role(Member member)
{
    protected Member Member => member;

    public abstract RaftRole Kind { get; }

    /// <summary>One tick has passed.</summary>
    public abstract void Tick();

    /// <summary>A message of the current term; votes that are asked for are answered elsewhere.</summary>
    public abstract void Handle(RaftMessage message);

    /// <summary>More of the log or the hard state is durable.</summary>
    public virtual void Persisted() { }

    /// <summary>The state machine has applied more.</summary>
    public virtual void Applied() { }

    /// <summary>A new configuration holds.</summary>
    public virtual void ConfigurationChanged() { }

    /// <summary>Whether <see cref="Flush"/> has something to send.</summary>
    public virtual bool HasToFlush => false;

    /// <summary>Sends what was left until all inputs of one turn are in, so that they share messages.</summary>
    public virtual void Flush() { }
}

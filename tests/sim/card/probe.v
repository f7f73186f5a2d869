// A stand-in for the card, to test the harness alone: the same ports, and behaviour that is easy to predict.
//
// BAR: 16384 words that read back as written (byte enables honoured), but for
//   0xF000  write: reads 4 * LENGTH bytes at ADDRESS from host memory, then writes them to TARGET
//   0xF004/0xF008 ADDRESS, 0xF00C/0xF010 TARGET, 0xF014 LENGTH in dwords (at most 64)
//   0xF018  write: fires the interrupt vector written
//   0xF01C  read: memory reads that ended with an error, 0xF020: completions seen
//   0xF024  read: bytes of frames, 0xF028: frames, 0xF02C: frames with the error flag, 0xF030: sum of bytes
//   0xF034  read: milliseconds seen, 0xF038: bit 0 link up; write: bit 0 oe_connect
//   0xF03C/0xF040 read: time_ns
//   0xF044  read: a word that reset does not set
// The order-entry stream is sent back as it came. Each frame makes one tap record: template 20, body all the
// frame number's low byte. A read of 0xFFFC is never answered.
module card (
    input clk, input rst,
    input [255:0] cq__tdata, input cq__tvalid, output cq__tready, input cq__tlast,
    input [7:0] cq__tkeep, input [87:0] cq__tuser,
    output reg [255:0] cc__tdata, output reg cc__tvalid, input cc__tready, output cc__tlast,
    output [7:0] cc__tkeep, output [32:0] cc__tuser,
    output reg [255:0] rq__tdata, output reg rq__tvalid, input rq__tready, output reg rq__tlast,
    output reg [7:0] rq__tkeep, output reg [61:0] rq__tuser,
    input [255:0] rc__tdata, input rc__tvalid, output rc__tready, input rc__tlast,
    input [7:0] rc__tkeep, input [74:0] rc__tuser,
    input [3:0] cfg_interrupt_msix_enable, input [3:0] cfg_interrupt_msix_mask,
    output reg [63:0] cfg_interrupt_msix_address, output reg [31:0] cfg_interrupt_msix_data,
    output reg cfg_interrupt_msix_int, input cfg_interrupt_msix_sent, input cfg_interrupt_msix_fail,
    input [73:0] net_rx_a__payload, input net_rx_a__valid, output net_rx_a__ready,
    input [73:0] net_rx_b__payload, input net_rx_b__valid, output net_rx_b__ready,
    output reg [73:0] net_tx__payload, output reg net_tx__valid, input net_tx__ready,
    output [72:0] oe_tx__payload, output oe_tx__valid, input oe_tx__ready,
    input [72:0] oe_rx__payload, input oe_rx__valid, output oe_rx__ready,
    input oe_link_up, output reg oe_connect,
    input ms_tick, input [63:0] time_ns,
    output reg tob_tap__valid, output reg [391:0] tob_tap__payload,
    output busy
);
    reg [31:0] words [0:16383];
    reg [31:0] unset;
    reg [31:0] frame_bytes, frames, bad_frames, byte_sum, milliseconds, errors, completions;
    reg [1:0] slow;  // takes a frame beat three cycles in four

    // Requests on CQ.
    wire [15:0] offset = {cq__tdata[15:2], 2'b00};
    wire is_write = cq__tdata[78:75] == 4'd1;
    wire [31:0] value = cq__tdata[159:128];
    wire [3:0] enable = cq__tuser[3:0];
    wire take = cq__tvalid & cq__tready;
    assign cq__tready = ~cc__tvalid & ~rst;
    assign cc__tlast = 1'b1;
    assign cc__tkeep = 8'h0f;
    assign cc__tuser = 33'd0;

    function [31:0] shown(input [15:0] at, input [31:0] stored);
        case (at)
            16'hf01c: shown = errors;
            16'hf020: shown = completions;
            16'hf024: shown = frame_bytes;
            16'hf028: shown = frames;
            16'hf02c: shown = bad_frames;
            16'hf030: shown = byte_sum;
            16'hf034: shown = milliseconds;
            16'hf038: shown = {31'd0, oe_link_up};
            16'hf03c: shown = time_ns[31:0];
            16'hf040: shown = time_ns[63:32];
            16'hf044: shown = unset;
            default: shown = stored;
        endcase
    endfunction

    // The copy: one read request, its data into a buffer, one write request.
    localparam IDLE = 0, READ = 1, WAIT = 2, HEAD = 3, BODY = 4;
    reg [2:0] state;
    reg [31:0] buffer [0:79];
    reg [7:0] filled, sent;
    reg in_data;
    wire [63:0] source = {words[16'hf008 >> 2], words[16'hf004 >> 2]};
    wire [63:0] target = {words[16'hf010 >> 2], words[16'hf00c >> 2]};
    wire [7:0] length = words[16'hf014 >> 2][7:0];
    assign rc__tready = 1'b1;
    assign busy = state != IDLE;

    integer lane;
    always @(posedge clk) begin
        cfg_interrupt_msix_int <= 0;
        tob_tap__valid <= 0;
        slow <= slow + 1;
        if (cc__tvalid & cc__tready) cc__tvalid <= 0;
        if (rq__tvalid & rq__tready) rq__tvalid <= 0;
        if (ms_tick) milliseconds <= milliseconds + 1;
        if (take & is_write) begin
            for (lane = 0; lane < 4; lane = lane + 1)
                if (enable[lane]) words[offset >> 2][8*lane +: 8] <= value[8*lane +: 8];
            case (offset)
                16'hf000: state <= READ;
                16'hf018: if (cfg_interrupt_msix_enable[0]) begin
                    cfg_interrupt_msix_address <= {words[(32'h8004 + 16*value) >> 2], words[(32'h8000 + 16*value) >> 2]};
                    cfg_interrupt_msix_data <= words[(32'h8008 + 16*value) >> 2];
                    cfg_interrupt_msix_int <= 1;
                end
                16'hf038: oe_connect <= value[0];
                default: ;
            endcase
        end
        if (take & ~is_write & offset != 16'hfffc) begin
            cc__tvalid <= 1;
            cc__tdata <= {128'd0, shown(offset, words[offset >> 2]),
                          24'd0, cq__tdata[103:96],
                          cq__tdata[95:80], 5'd0, 11'd1,
                          3'd0, 13'd4, 9'd0, offset[6:0]};
        end
        case (state)
            READ: if (~rq__tvalid | rq__tready) begin
                rq__tvalid <= 1; rq__tlast <= 1; rq__tkeep <= 8'h0f; rq__tuser <= 62'hff;
                rq__tdata <= {128'd0, 24'd0, 8'd5, 16'd0, 1'b0, 4'd0, 3'd0, length, source[63:2], 2'b00};
                filled <= 0; in_data <= 0; state <= WAIT;
            end
            WAIT: if (rc__tvalid) begin
                if (~in_data) begin
                    completions <= completions + 1;
                    if (rc__tdata[45:43] != 0 || rc__tdata[71:64] != 5) errors <= errors + 1;
                    for (lane = 3; lane < 8; lane = lane + 1)
                        if (rc__tkeep[lane]) buffer[filled + lane - 3] <= rc__tdata[32*lane +: 32];
                    filled <= filled + rc__tdata[39:32];
                    sent <= 0;
                end else
                    for (lane = 0; lane < 8; lane = lane + 1)
                        if (rc__tkeep[lane]) buffer[sent + lane] <= rc__tdata[32*lane +: 32];
                // `sent` is where the next beat's data goes.
                sent <= in_data ? sent + 8 : filled + 5;
                in_data <= ~rc__tlast;
                if (rc__tlast & (in_data ? 1'b0 : rc__tdata[45:43] != 0)) state <= IDLE;
                else if (rc__tlast & (in_data ? filled : filled + rc__tdata[39:32]) == length) state <= HEAD;
            end
            HEAD: if (~rq__tvalid | rq__tready) begin
                rq__tvalid <= 1; rq__tkeep <= length < 4 ? (8'd1 << (4 + length)) - 8'd1 : 8'hff;
                rq__tlast <= length <= 4; rq__tuser <= length == 1 ? 62'h0f : 62'hff;
                rq__tdata <= {buffer[3], buffer[2], buffer[1], buffer[0],
                              32'd0, 16'd0, 1'b0, 4'd1, 3'd0, length, target[63:2], 2'b00};
                sent <= 4; state <= length <= 4 ? IDLE : BODY;
            end
            BODY: if (~rq__tvalid | rq__tready) begin
                rq__tvalid <= 1; rq__tlast <= sent + 8 >= length;
                rq__tkeep <= sent + 8 >= length ? (8'hff >> (8 - (length - sent))) : 8'hff;
                for (lane = 0; lane < 8; lane = lane + 1)
                    rq__tdata[32*lane +: 32] <= buffer[sent + lane];
                sent <= sent + 8;
                if (sent + 8 >= length) state <= IDLE;
            end
            default: ;
        endcase
        if (net_rx_a__valid & net_rx_a__ready) begin
            frame_bytes <= frame_bytes + $countones(net_rx_a__payload[71:64]);
            byte_sum <= byte_sum + net_rx_a__payload[7:0] + net_rx_a__payload[15:8] + net_rx_a__payload[23:16]
                + net_rx_a__payload[31:24] + net_rx_a__payload[39:32] + net_rx_a__payload[47:40]
                + net_rx_a__payload[55:48] + net_rx_a__payload[63:56];
            if (net_rx_a__payload[72]) begin
                frames <= frames + 1;
                if (net_rx_a__payload[73]) bad_frames <= bad_frames + 1;
                tob_tap__valid <= 1;
                tob_tap__payload <= {8'd20, {48{frames[7:0]}}};
            end
        end
        if (rst) begin
            cc__tvalid <= 0; rq__tvalid <= 0; state <= IDLE; slow <= 0; oe_connect <= 0;
            frame_bytes <= 0; frames <= 0; bad_frames <= 0; byte_sum <= 0; milliseconds <= 0;
            errors <= 0; completions <= 0; cfg_interrupt_msix_int <= 0;
        end
    end

    assign net_rx_a__ready = slow != 0;
    // What comes in on line B goes out again, a cycle later.
    assign net_rx_b__ready = net_tx__ready | ~net_tx__valid;
    always @(posedge clk) begin
        if (net_rx_b__ready) begin
            net_tx__payload <= net_rx_b__payload;
            net_tx__valid <= net_rx_b__valid & ~rst;
        end
    end
    assign oe_tx__payload = oe_rx__payload;
    assign oe_tx__valid = oe_rx__valid;
    assign oe_rx__ready = oe_tx__ready;
endmodule
